import type { DashboardLoad } from './load.ts';

/** One line, or group of lines, of a panel. */
export interface PanelQuery {
  /** PromQL. `$instance`, `$__rate_interval` and `$other` are filled in by Grafana. */
  readonly expr: string;
  /** The line's name, with labels as `{{route}}`. */
  readonly legend: string;
  /**
   * The load under which its value must leave the range that it has while all is quiet, or why it has only to vary, or
   * may stand still. `make telemetry` holds it to that.
   */
  readonly moves: DashboardLoad | Varies | Stands;
}

/** A line that may not be constant under a load, and why its quiet range says nothing of that load. */
export interface Varies {
  readonly varies: DashboardLoad;
  readonly because: string;
}

/** Why no load of the run moves it; and whether there may be no line at all. */
export interface Stands {
  readonly stands: string;
  readonly mayBeEmpty?: true;
}

export interface PanelDefinition {
  readonly title: string;
  /** What it shows, and what to think when it looks bad. */
  readonly description: string;
  /** Of Grafana's units: `s`, `bytes`, `reqps`, `percentunit`, `short`. */
  readonly unit: string;
  /** Of 24 columns. Default: 8. */
  readonly width?: 6 | 8 | 12;
  /** One colour band on another, where the lines are parts of a whole. */
  readonly stacked?: boolean;
  readonly queries: readonly PanelQuery[];
}

export interface DashboardRow {
  readonly title: string;
  readonly panels: readonly PanelDefinition[];
}

export interface DashboardDefinition {
  /** Also the file's name, and the dashboard's uid behind a prefix. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** Beside the data source and the instance: named choices, the first one chosen. */
  readonly choices?: Readonly<Record<string, readonly string[]>>;
  readonly rows: readonly DashboardRow[];
}

/** The processes of the service that are chosen on a dashboard. */
export const chosen = 'instance=~"$instance"';
export const perSecond = (metric: string, matchers: string = chosen): string =>
  `rate(${metric}{${matchers}}[$__rate_interval])`;

/** A quantile of a histogram, over all chosen processes. @param by labels to keep, beside `le` */
export function quantile(share: number, metric: string, by: readonly string[] = []): string {
  return `histogram_quantile(${share}, sum by (${[...by, 'le'].join(', ')}) (${perSecond(`${metric}_bucket`)}))`;
}
