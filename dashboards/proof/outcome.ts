import type { DashboardLoad } from '../source/load.ts';
import type { PanelQuery } from '../source/panel.ts';
import type { Series, TimeRange } from './prometheus-api.ts';

/** A span of the run in which something was done to the system. */
export interface LoadWindow extends TimeRange {
  readonly load: DashboardLoad | 'quiet';
  /** What was done, in words. */
  readonly what: string;
}

/** Loads that this machine does not let us do, and why. */
export type LeftOut = Readonly<Partial<Record<DashboardLoad, string>>>;

export interface QueryOutcome {
  readonly dashboard: string;
  readonly panel: string;
  readonly legend: string;
  readonly expr: string;
  readonly moves: PanelQuery['moves'];
  readonly series: number;
  readonly points: number;
  /** Why this is not as it should be. */
  readonly problem?: string;
}

export interface AlertOutcome {
  readonly alert: string;
  readonly severity: string;
  /** The load under which it must fire, or why this run does not provoke it. */
  readonly expected: DashboardLoad | { readonly notProvoked: string };
  /** Seconds since 1970 at which it began to fire. */
  readonly firedAtSeconds?: number;
  /** Whether it came to Alertmanager's receiver, or was held back there because another alert explains it. */
  readonly notification: 'delivered' | 'held back' | 'none';
  readonly problem?: string;
}

/** A panel as it is drawn: what Grafana would ask and show. */
export interface DrawnPanel {
  readonly dashboard: string;
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  /** Lines that are not drawn. */
  readonly omitted: number;
  readonly series: readonly (Series & { readonly name: string })[];
}

/** All that the report is made of. */
export interface TelemetryOutcome {
  readonly startedAt: string;
  readonly commit: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly timeCompression: number;
  readonly scrapeSeconds: number;
  readonly windows: readonly LoadWindow[];
  readonly leftOut: LeftOut;
  readonly queries: readonly QueryOutcome[];
  readonly alerts: readonly AlertOutcome[];
  readonly unusedMetrics: Readonly<Record<string, string>>;
  readonly missingMetrics: readonly string[];
  readonly drawn: readonly DrawnPanel[];
}
