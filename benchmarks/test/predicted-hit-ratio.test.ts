import { describe, expect, it } from 'vitest';

import { createExpectedLoads } from '../analysis/expected-loads.ts';
import {
  type CachedWorkload,
  predictHitRatio,
  predictLoads,
  type PredictionRequest,
} from '../analysis/predicted-hit-ratio.ts';
import { createSeededRandom } from '../analysis/seeded-random.ts';
import { performanceWorkload } from '../scenarios/performance-workload.ts';

/** The profile `full` at a rate in the middle of what calibration has given. */
const full: PredictionRequest = {
  workload: performanceWorkload,
  readsPerSecond: 150,
  ttlSeconds: 10,
  ttlJitter: 0.1,
  warmUpSeconds: 10,
  windowSeconds: 15,
};
const quick: PredictionRequest = { ...full, ttlSeconds: 3, warmUpSeconds: 3, windowSeconds: 4 };
const unwritten: CachedWorkload = {
  ...performanceWorkload,
  writePeriodSeconds: Infinity,
  firstWriteAfterSeconds: Infinity,
};

const stationaryLoads = (rate: number, ttlSeconds: number): number => rate / (1 + rate * ttlSeconds);

/** Loads of one slot by a cache that is asked key by key, at random moments, as the declaration has it. */
function simulate(request: PredictionRequest, random: () => number): { list: number; detail: number } {
  const { workload, readsPerSecond, ttlSeconds, ttlJitter, warmUpSeconds, windowSeconds } = request;
  const end = warmUpSeconds + windowSeconds;
  const pages = workload.genres.length * workload.cities.length;
  const cumulative: number[] = [];
  for (let rank = 1; rank <= workload.performances; rank += 1) {
    cumulative.push((cumulative.at(-1) ?? 0) + rank ** -workload.zipfExponent);
  }
  const total = cumulative.at(-1) ?? 0;
  const expiry = new Map<string, number>();
  const loads = { list: 0, detail: 0 };
  let nextWrite = workload.firstWriteAfterSeconds;
  for (let now = 0; ;) {
    now -= Math.log(1 - random()) / readsPerSecond;
    if (now >= end) return loads;
    for (; nextWrite <= now; nextWrite += workload.writePeriodSeconds) {
      expiry.delete(`detail ${Math.floor(random() * workload.writtenRanks)}`);
      const genre = Math.floor(random() * workload.genres.length);
      for (let city = 0; city < workload.cities.length; city += 1)
        expiry.delete(`list ${genre * workload.cities.length + city}`);
    }
    const kind = random() < workload.listShare ? 'list' : 'detail';
    const drawn = random();
    const item = kind === 'list' ? Math.floor(drawn * pages) : cumulative.findIndex((share) => share > drawn * total);
    const key = `${kind} ${item}`;
    if ((expiry.get(key) ?? 0) > now) continue;
    expiry.set(key, now + ttlSeconds * (1 + ttlJitter * (2 * random() - 1)));
    if (now >= warmUpSeconds) loads[kind] += 1;
  }
}

function meanAndError(values: readonly number[]): { mean: number; standardError: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, standardError: Math.sqrt(variance / values.length) };
}

describe('the predicted hit ratio', () => {
  const catalogue = { ...performanceWorkload, performances: 500 };
  it.each([
    { name: 'full', request: { ...full, workload: catalogue }, slots: 400 },
    { name: 'quick', request: { ...quick, workload: catalogue }, slots: 800 },
    { name: 'without jitter', request: { ...quick, ttlJitter: 0, workload: catalogue }, slots: 800 },
    {
      name: 'written every second',
      request: {
        ...quick,
        workload: { ...catalogue, firstWriteAfterSeconds: 0.5, writePeriodSeconds: 1, writtenRanks: 20 },
      },
      slots: 800,
    },
  ])('is what a simulated cache does: $name', ({ request, slots }) => {
    const random = createSeededRandom(20_261_123);
    const runs = Array.from({ length: slots }, () => simulate(request, random));
    const predicted = predictLoads(request);
    for (const kind of ['list', 'detail'] as const) {
      const { mean, standardError } = meanAndError(runs.map((run) => run[kind] / request.windowSeconds));
      expect(Math.abs(predicted[kind] - mean)).toBeLessThan(3 * standardError);
      expect(standardError).toBeLessThan(0.01 * mean);
    }
  });

  it('is not what the stationary formula gives, which the same simulation refutes', () => {
    const { listShare, genres, cities } = performanceWorkload;
    const request = { ...quick, workload: { ...unwritten, performances: 500 } };
    const random = createSeededRandom(7);
    const runs = Array.from({ length: 400 }, () => simulate(request, random).list / request.windowSeconds);
    const { mean, standardError } = meanAndError(runs);
    const pages = genres.length * cities.length;
    const stationary = pages * stationaryLoads((request.readsPerSecond * listShare) / pages, request.ttlSeconds);
    expect(Math.abs(predictLoads(request).list - mean)).toBeLessThan(3 * standardError);
    expect(Math.abs(stationary - mean)).toBeGreaterThan(30 * standardError);
  });

  it('tends to the stationary formula as the window grows', () => {
    const request = { ...full, workload: unwritten, windowSeconds: 5000 };
    const { listShare, performances } = performanceWorkload;
    const list = 40 * stationaryLoads((150 * listShare) / 40, 10);
    const weights = Array.from({ length: performances }, (_, rank) => 1 / (rank + 1));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const detail = weights.reduce(
      (sum, weight) => sum + stationaryLoads((150 * (1 - listShare) * weight) / total, 10),
      0,
    );
    const predicted = predictLoads(request);
    expect(predicted.list / list).toBeCloseTo(1, 3);
    expect(predicted.detail / detail).toBeCloseTo(1, 3);
  });

  it('is 0 without a time to live, and tends to it', () => {
    expect(predictHitRatio({ ...full, ttlSeconds: 0 })).toBeCloseTo(0, 5);
    const short = predictHitRatio({ ...full, ttlSeconds: 0.001 });
    expect(short).toBeGreaterThan(0);
    expect(short).toBeLessThan(0.004);
  });

  it('counts first requests alone when entries live for ever', () => {
    const request = { ...full, workload: unwritten, ttlSeconds: Infinity };
    const rate = (150 * performanceWorkload.listShare) / 40;
    const firstRequests = 40 * (Math.exp(-rate * 10) - Math.exp(-rate * 25));
    expect(predictLoads(request).list * 15).toBeCloseTo(firstRequests, 9);
    expect(predictHitRatio({ ...request, warmUpSeconds: 1e7 })).toBeCloseTo(1, 6);
  });

  it('falls with writes, which void a detail and the pages of a genre', () => {
    const writtenEvery = (writePeriodSeconds: number): number =>
      predictHitRatio({ ...full, windowSeconds: 200, workload: { ...performanceWorkload, writePeriodSeconds } });
    expect(writtenEvery(Infinity)).toBeGreaterThan(writtenEvery(10));
    expect(writtenEvery(10)).toBeGreaterThan(writtenEvery(1) + 0.01);
  });

  it('may rise with a single write, which moves the next expiry of its pages out of a short window', () => {
    const workload = { ...performanceWorkload, firstWriteAfterSeconds: 5 };
    expect(predictHitRatio({ ...full, workload })).toBeGreaterThan(predictHitRatio({ ...full, workload: unwritten }));
  });

  it('comes out the same to the bit', () => {
    const first = predictHitRatio(full);
    expect(predictHitRatio(full)).toBe(first);
    expect(first).toBeCloseTo(0.846_503_102, 9);
  });
});

describe('the expected loads of one key', () => {
  it('solve the renewal equation: with a fixed life, the k-th load comes after k waits and k - 1 lives', () => {
    const rate = 0.7;
    const ttlSeconds = 2;
    const loads = createExpectedLoads({ requestsPerSecond: rate, ttlSeconds, ttlJitter: 0, horizonSeconds: 9 });
    // P(Erlang(k, rate) <= t - (k - 1) ttl), summed over k.
    const exact = (seconds: number): number => {
      let sum = 0;
      for (let k = 1; seconds > (k - 1) * ttlSeconds; k += 1) {
        const mean = rate * (seconds - (k - 1) * ttlSeconds);
        let term = Math.exp(-mean);
        let fewer = term;
        for (let n = 1; n < k; n += 1) fewer += term *= mean / n;
        sum += 1 - fewer;
      }
      return sum;
    };
    for (const seconds of [0.5, 1.99, 2.5, 4.1, 7, 9]) expect(loads(seconds)).toBeCloseTo(exact(seconds), 4);
  });
});
