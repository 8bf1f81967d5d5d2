import { createExpectedLoads } from './expected-loads.ts';

/** The part of the declared workload that decides what a cache can hold. */
export interface CachedWorkload {
  /** Share of the reads that ask for a list page; the pages are equally likely. */
  readonly listShare: number;
  readonly genres: readonly string[];
  readonly cities: readonly string[];
  readonly performances: number;
  readonly zipfExponent: number;
  readonly firstWriteAfterSeconds: number;
  readonly writePeriodSeconds: number;
  /** A write changes one of so many most popular performances, each as likely, and voids its genre's pages. */
  readonly writtenRanks: number;
}

export interface PredictionRequest {
  readonly workload: CachedWorkload;
  readonly readsPerSecond: number;
  readonly ttlSeconds: number;
  /** Each entry lives uniformly between (1 - jitter) and (1 + jitter) times the TTL. */
  readonly ttlJitter: number;
  /** The cache is empty when the load starts; the window follows so much later. */
  readonly warmUpSeconds: number;
  readonly windowSeconds: number;
}

/** Expected loads from the database per second of the window. */
export interface PredictedLoads {
  readonly list: number;
  readonly detail: number;
}

/** Expected share of the window's reads that are served from the cache; a fraction. */
export function predictHitRatio(request: PredictionRequest): number {
  const { list, detail } = predictLoads(request);
  return 1 - (list + detail) / request.readsPerSecond;
}

/**
 * Expected loads by the independent-reference model: each key is asked for by a Poisson process of its own, an
 * absent key is loaded by the first request for it and lives for one TTL, hits do not prolong it. The cache never
 * evicts, and a load takes no time: where it does, its duplicates make the real ratio lower.
 *
 * All keys start absent at the same moment, so that expiries come in waves which a window of about one TTL does
 * not average out: the expected number of loads comes from the renewal equation of a key, not from the
 * stationary lambda / (1 + lambda * TTL), to which it tends. A write makes the key absent, which starts the
 * process anew. Method: Cox, *Renewal Theory* (1962), chapters 4 and 7; for TTL caches Fofack et al.,
 * "Performance evaluation of hierarchical TTL-based cache networks", Computer Networks 65 (2014).
 */
export function predictLoads(request: PredictionRequest): PredictedLoads {
  const { workload, readsPerSecond, windowSeconds } = request;
  const pages = workload.genres.length * workload.cities.length;
  const listReads = readsPerSecond * workload.listShare;
  const ofPage = loadsInWindow(request, listReads / pages, 1 / workload.genres.length);
  const ofDetails = detailLoads(request, readsPerSecond - listReads);
  return { list: (pages * ofPage) / windowSeconds, detail: ofDetails / windowSeconds };
}

/** Expected loads of all details within the window, as Zipf's law spreads the reads over them. */
function detailLoads(request: PredictionRequest, readsPerSecond: number): number {
  const { performances, zipfExponent } = request.workload;
  if (readsPerSecond === 0) return 0;
  const weights = Array.from({ length: performances }, (_, rank) => (rank + 1) ** -zipfExponent);
  const totalWeight = sum(weights);
  const rates = weights.map((weight) => (readsPerSecond * weight) / totalWeight);
  const writtenRanks = Math.min(request.workload.writtenRanks, performances);
  return (
    sumOver(rates.slice(0, writtenRanks), (rate) => loadsInWindow(request, rate, 1 / writtenRanks)) +
    sumOver(rates.slice(writtenRanks), (rate) => loadsInWindow(request, rate, 0))
  );
}

/** Expected loads of one key within the window; each write makes it absent with the probability `written`. */
function loadsInWindow(request: PredictionRequest, requestsPerSecond: number, written: number): number {
  const { ttlSeconds, ttlJitter, warmUpSeconds, windowSeconds } = request;
  const endSeconds = warmUpSeconds + windowSeconds;
  const loadsUntil = createExpectedLoads({ requestsPerSecond, ttlSeconds, ttlJitter, horizonSeconds: endSeconds });
  const restarts = [0, ...(written === 0 ? [] : writeTimes(request.workload, endSeconds))];
  let loads = 0;
  for (const [index, from] of restarts.entries()) {
    const start = Math.max(from, warmUpSeconds);
    const end = restarts[index + 1] ?? endSeconds;
    if (end <= start) continue;
    // Until the next write, the key's last restart was by any of the writes before, or at the load's start.
    for (let last = index; last >= 0; last -= 1) {
      const restart = restarts[last] ?? 0;
      const probability = (last === 0 ? 1 : written) * (1 - written) ** (index - last);
      loads += probability * (loadsUntil(end - restart) - loadsUntil(start - restart));
    }
  }
  return loads;
}

function writeTimes({ firstWriteAfterSeconds, writePeriodSeconds }: CachedWorkload, endSeconds: number): number[] {
  const times: number[] = [];
  for (let time = firstWriteAfterSeconds; time < endSeconds; time += writePeriodSeconds) times.push(time);
  return times;
}

const solvedRates = 32;

/**
 * The sum over keys of a function of their rate, given in descending order. More than a few rates are not solved one
 * by one, but taken from cubics in the rate's logarithm through rates at equal distances of it.
 */
function sumOver(rates: readonly number[], loadsOf: (rate: number) => number): number {
  const [highest, lowest] = [rates[0] ?? 0, rates.at(-1) ?? 0];
  if (rates.length <= solvedRates || highest === lowest) return sum(rates.map(loadsOf));
  const distance = Math.log(highest / lowest) / (solvedRates - 1);
  const solved = Array.from({ length: solvedRates }, (_, index) => loadsOf(highest * Math.exp(-index * distance)));
  return sum(rates.map((rate) => cubicAt(solved, Math.log(highest / rate) / distance)));
}

/** Lagrange's cubic through the four values around `at`, the values standing at 0, 1, 2, … */
function cubicAt(values: readonly number[], at: number): number {
  const first = Math.min(Math.max(Math.floor(at) - 1, 0), values.length - 4);
  const [a = 0, b = 0, c = 0, d = 0] = values.slice(first, first + 4);
  const x = at - first;
  return (
    (-a * (x - 1) * (x - 2) * (x - 3)) / 6 +
    (b * x * (x - 2) * (x - 3)) / 2 -
    (c * x * (x - 1) * (x - 3)) / 2 +
    (d * x * (x - 1) * (x - 2)) / 6
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
