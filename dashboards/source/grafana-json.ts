import {
  AnnotationQueryBuilder,
  AnnotationTargetBuilder,
  CustomVariableBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
  StackingConfigBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

import type { DashboardDefinition, PanelDefinition } from './panel.ts';

const datasource = { type: 'prometheus', uid: '${datasource}' };
const panelHeight = 8;
const refIds = 'ABCDEFGHIJ';
const uidPrefix = 'ticketing-';

/** Tags of the annotations that a run of the lab pushes. */
const annotationTag = 'benchmark';

/** The SDK's builder of an annotation does not take its own target, which is no query of a data source. */
const annotationTarget = {
  build: () => ({
    ...new AnnotationTargetBuilder().limit(100).matchAny(true).tags([annotationTag]).type('tags').build(),
    _implementsDataqueryVariant: () => undefined,
  }),
};

/** The dashboard in Grafana's own schema, with panel ids and places. The same definition gives the same bytes. */
export function dashboardJson(definition: DashboardDefinition): string {
  return `${JSON.stringify(numberPanels(build(definition)), null, 2)}\n`;
}

function build({ id, title, description, choices = {}, rows }: DashboardDefinition): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(`${uidPrefix}${id}`)
    .description(description)
    .tags(['ticketing'])
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-30m', to: 'now' })
    .refresh('10s')
    .readonly()
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(
      new QueryVariableBuilder('instance')
        .label('Process')
        .query('label_values(up{job="ticketing"}, instance)')
        .datasource(datasource)
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .multi(true)
        .includeAll(true)
        .allValue('.+')
        .current({ selected: true, text: ['All'], value: ['$__all'] }),
    );
  for (const [name, values] of Object.entries(choices)) {
    builder.withVariable(
      new CustomVariableBuilder(name)
        .label(name)
        .values(values.join(','))
        .current({ selected: true, text: values[0] ?? '', value: values[0] ?? '' })
        .options(values.map((value, index) => ({ selected: index === 0, text: value, value }))),
    );
  }
  builder.annotation(
    new AnnotationQueryBuilder()
      .name('Benchmark runs')
      .datasource({ type: 'grafana', uid: '-- Grafana --' })
      .enable(true)
      .iconColor('purple')
      .target(annotationTarget),
  );
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panelBuilder(panel));
  }
  return builder.build();
}

function panelBuilder({
  title,
  description,
  unit,
  width = 8,
  stacked = false,
  queries,
}: PanelDefinition): PanelBuilder {
  const builder = new PanelBuilder()
    .title(title)
    .description(description)
    .unit(unit)
    .min(0)
    .datasource(datasource)
    .span(width)
    .height(panelHeight)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 8)
    .spanNulls(false)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (stacked) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  for (const [index, { expr, legend }] of queries.entries()) {
    const refId = refIds[index] ?? '';
    builder.withTarget(
      new DataqueryBuilder().refId(refId).expr(expr).legendFormat(legend).range().datasource(datasource),
    );
  }
  return builder;
}

/** The SDK gives every row the id 0 and a panel none. */
function numberPanels(dashboard: Dashboard): Dashboard {
  const panels = (dashboard.panels ?? []).map((panel, index) => ({ ...panel, id: index + 1 }));
  return { ...dashboard, panels };
}
