import type { DashboardLoad } from '../source/load.ts';
import type { AlertRule } from '../rules.ts';
import type { AlertOutcome, LeftOut, LoadWindow } from './outcome.ts';
import type { Series } from './prometheus-api.ts';

/** What each alert must fire at in the run. */
export const expectedAlerts: Readonly<Record<string, DashboardLoad>> = {
  ErrorBudgetBurnsFast: 'pool-held',
  ErrorBudgetBurns: 'pool-held',
  ServiceDown: 'consumer-killed',
  EventLoopBlocked: 'loop-blocked',
  CpuThrottled: 'resources-limited',
  DatabasePoolExhausted: 'pool-held',
  DatabasePoolTimeouts: 'pool-held',
  SlowQuery: 'pool-held',
  DatabaseDown: 'database-outage',
  PerformanceCacheBypassed: 'cache-outage',
  RedisDown: 'cache-outage',
  SeatCreationLag: 'consumer-frozen',
  SeatCreationDeadLetters: 'dead-letters',
  SeatCreationWorkLost: 'work-deleted',
  RedisNotDurable: 'queue-not-durable',
};

/** An alert may need its window and its `for` after the load has begun. */
const delaySeconds = 8;

export interface AlertFacts {
  /** Of `ALERTS{alertstate="firing"}`. */
  readonly firing: readonly Series[];
  readonly windows: readonly LoadWindow[];
  readonly leftOut: LeftOut;
  /** Names, of what came to Alertmanager's receiver. */
  readonly delivered: ReadonlySet<string>;
  /** Names, of what Alertmanager held back for a time. */
  readonly inhibited: ReadonlySet<string>;
}

export function judgeAlerts(
  rules: readonly AlertRule[],
  { firing, windows, leftOut, delivered, inhibited }: AlertFacts,
): readonly AlertOutcome[] {
  return rules.map(({ alert, labels }) => {
    const load = expectedAlerts[alert];
    if (load === undefined) throw new Error(`${alert} has no entry in expectedAlerts: say what makes it fire`);
    const notProvoked = leftOut[load];
    const expected = notProvoked === undefined ? load : { notProvoked };
    const times = firing
      .filter((series) => series.labels['alertname'] === alert)
      .flatMap(({ points }) => points.map(([at]) => at));
    const firedAtSeconds = times.length === 0 ? undefined : Math.min(...times);
    const notification = delivered.has(alert) ? 'delivered' : inhibited.has(alert) ? 'held back' : 'none';
    const outcome = { alert, severity: labels.severity, expected, notification } as const;
    const problem = problemOfAlert({ ...outcome, times }, windows);
    return {
      ...outcome,
      ...(firedAtSeconds !== undefined && { firedAtSeconds }),
      ...(problem !== undefined && { problem }),
    };
  });
}

function problemOfAlert(
  {
    expected,
    notification,
    times,
  }: Pick<AlertOutcome, 'expected' | 'notification'> & { readonly times: readonly number[] },
  windows: readonly LoadWindow[],
): string | undefined {
  const isIn = (window: LoadWindow, at: number, delay: number): boolean =>
    at >= window.fromSeconds && at <= window.toSeconds + delay;
  const quiet = windows.filter(({ load }) => load === 'quiet');
  if (times.some((at) => quiet.some((window) => isIn(window, at, 0)))) return 'it fired while all was quiet';
  if (typeof expected !== 'string') return times.length > 0 ? 'it fired, and nothing was to make it fire' : undefined;
  const loaded = windows.filter(({ load }) => load === expected);
  if (!times.some((at) => loaded.some((window) => isIn(window, at, delaySeconds))))
    return `it did not fire under ${expected}`;
  return notification === 'none' ? 'it fired, and Alertmanager told nobody' : undefined;
}
