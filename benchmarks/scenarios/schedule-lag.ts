import { Trend } from 'k6/metrics';

const scheduleLag = new Trend('schedule_lag', true);

/** How late this iteration starts, in milliseconds, to the millisecond that JavaScript's clock has. */
export function recordLag(dueMilliseconds: number): void {
  scheduleLag.add(Math.max(0, Date.now() - dueMilliseconds));
}
