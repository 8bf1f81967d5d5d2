import { z } from 'zod';

const gridSchema = z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() });
const datasourceSchema = z.object({ type: z.string(), uid: z.string() });
const panelSchema = z.object({
  id: z.int(),
  type: z.string(),
  title: z.string().default(''),
  description: z.string().default(''),
  gridPos: gridSchema,
  datasource: datasourceSchema.optional(),
  fieldConfig: z.object({ defaults: z.object({ unit: z.string().optional() }) }).optional(),
  targets: z
    .array(
      z.object({
        refId: z.string(),
        expr: z.string(),
        legendFormat: z.string().default(''),
        datasource: datasourceSchema.optional(),
      }),
    )
    .default([]),
});
const dashboardSchema = z.object({
  uid: z.string(),
  title: z.string(),
  description: z.string().default(''),
  panels: z.array(panelSchema),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
});

type Panel = z.infer<typeof panelSchema>;

const columns = 24;
const datasourceUid = '${datasource}';

/** What is wrong with a dashboard of Grafana, in sentences. @throws zod's error when it is no dashboard */
export function lintDashboard(json: string): readonly string[] {
  const { uid, title, description, panels, templating } = dashboardSchema.parse(JSON.parse(json));
  const hasDatasource = templating.list.some(({ name, type }) => name === 'datasource' && type === 'datasource');
  const titles = panels.filter(({ type }) => type !== 'row').map((panel) => panel.title);
  return [
    ...(uid === '' || uid.length > 40 ? [`the uid must have 1 to 40 characters, got "${uid}"`] : []),
    ...(title === '' || description === '' ? ['it has no title or no description'] : []),
    ...(hasDatasource ? [] : ['it has no variable for the data source']),
    ...repeated(panels.map(({ id }) => String(id))).map((id) => `several panels have the id ${id}`),
    ...repeated(titles).map((name) => `several panels are called "${name}"`),
    ...panels.flatMap((panel) => lintPanel(panel)),
    ...overlaps(panels),
  ];
}

function lintPanel({
  id,
  type,
  title,
  description,
  gridPos,
  datasource,
  fieldConfig,
  targets,
}: Panel): readonly string[] {
  const name = `panel ${id} "${title}"`;
  const outside = gridPos.x < 0 || gridPos.x + gridPos.w > columns;
  const frame = [
    ...(title === '' ? [`${name} has no title`] : []),
    ...(outside ? [`${name} leaves the ${columns} columns`] : []),
  ];
  if (type === 'row') return frame;
  const uids = [datasource, ...targets.map((target) => target.datasource)].map((source) => source?.uid);
  return [
    ...frame,
    ...(description === '' ? [`${name} has no description`] : []),
    ...(fieldConfig?.defaults.unit ? [] : [`${name} has no unit`]),
    ...(targets.length === 0 ? [`${name} asks for nothing`] : []),
    ...(uids.every((uid) => uid === datasourceUid) ? [] : [`${name} does not use the variable of the data source`]),
    ...repeated(targets.map(({ refId }) => refId)).map((refId) => `${name} has several queries ${refId}`),
    ...targets
      .filter(({ legendFormat }) => legendFormat === '')
      .map(({ refId }) => `${name}: query ${refId} has no legend`),
  ];
}

function overlaps(panels: readonly Panel[]): readonly string[] {
  return panels.flatMap((one, index) =>
    panels
      .slice(index + 1)
      .filter(({ gridPos: b }) => {
        const { gridPos: a } = one;
        return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
      })
      .map((other) => `panel ${one.id} "${one.title}" lies on panel ${other.id} "${other.title}"`),
  );
}

function repeated(values: readonly string[]): readonly string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}
