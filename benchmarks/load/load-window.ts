import { bucketsOf } from './latency-buckets.ts';
import type { LoadWindow } from './load.ts';
import type { RawRequest, RawSamples, RawValue } from './raw-samples.ts';

/**
 * What ended in [from, to). A request belongs to the window in which its answer was complete. Throws when the
 * window has no start of an iteration: there is then no lag to report, and none is not 0.
 */
export function loadWindow(raw: RawSamples, from: Date, to: Date): LoadWindow {
  const [start, end] = [1000 * from.getTime(), 1000 * to.getTime()];
  const isInside = (at: number): boolean => at >= start && at < end;
  const sumOf = (values: readonly RawValue[]): number =>
    values.reduce((sum, { at, value }) => (isInside(at) ? sum + value : sum), 0);

  const requests = raw.requests.filter(({ endedAt }) => isInside(endedAt));
  const lags = raw.scheduleLagMilliseconds.filter(({ at }) => isInside(at)).map(({ value }) => value / 1000);
  if (lags.length === 0) {
    throw new Error(`k6 started nothing between ${from.toISOString()} and ${to.toISOString()}: was the load running?`);
  }
  const reads = requests.filter(({ method }) => method === 'GET');
  return {
    latencies: histogramsByRoute(requests),
    requests: requests.length,
    reads: reads.length,
    failedRequests: requests.filter(({ failed }) => failed).length,
    failedReads: reads.filter(({ failed }) => failed).length,
    wrongBodies: sumOf(raw.wrongBodies),
    droppedIterations: sumOf(raw.droppedIterations),
    responseBytes: sumOf(raw.receivedBytes),
    virtualUserShare: mostInFlight(raw.requests, start, end) / virtualUsersOf(raw),
    scheduleLagSeconds: medianAndLargest(lags),
  };
}

function histogramsByRoute(requests: readonly RawRequest[]): LoadWindow['latencies'] {
  const byRoute = Map.groupBy(requests, ({ route }) => route);
  return [...byRoute]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([route, ofRoute]) => ({
      route,
      count: ofRoute.length,
      buckets: bucketsOf(ofRoute.map(({ latency }) => latency)),
    }));
}

/** The most requests that were under way at one moment between `start` and `end`. */
function mostInFlight(requests: readonly RawRequest[], start: number, end: number): number {
  const underWay = requests.filter(({ endedAt, latency }) => endedAt >= start && endedAt - latency < end);
  const starts = underWay.map(({ endedAt, latency }) => Math.max(start, endedAt - latency)).sort((a, b) => a - b);
  const ends = underWay.map(({ endedAt }) => endedAt).sort((a, b) => a - b);
  let ended = 0;
  let most = 0;
  for (const [started, at] of starts.entries()) {
    while ((ends[ended] ?? Infinity) < at) ended += 1;
    most = Math.max(most, started + 1 - ended);
  }
  return most;
}

function virtualUsersOf(raw: RawSamples): number {
  const most = Math.max(0, ...raw.virtualUsers.map(({ value }) => value));
  if (most === 0) throw new Error('k6 wrote no vus_max: it is not known how many virtual users there were');
  return most;
}

function medianAndLargest(lags: readonly number[]): { readonly median: number; readonly largest: number } {
  const sorted = [...lags].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, largest: at(sorted.length - 1) };
}
