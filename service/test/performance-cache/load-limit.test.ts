import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createLoadLimit } from '../../src/performance-cache/load-limit.ts';
import type { LoadLimit } from '../../src/performance-cache/load-limit.ts';

let overloads = 0;
const create = (maxLoadsInFlight: number): LoadLimit =>
  createLoadLimit({
    maxLoadsInFlight,
    queueTimeoutMs: 1_500,
    onInFlight: () => {},
    onOverload: () => {
      overloads += 1;
    },
  });

beforeEach(() => {
  overloads = 0;
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

describe('a load limit', () => {
  it('gives turns in the order in which they were asked for', async () => {
    const limit = create(1);
    const order: number[] = [];
    const loads = [1, 2, 3].map((load) => limit.run(async () => void order.push(load)));
    await Promise.all(loads);
    expect(order).toEqual([1, 2, 3]);
  });

  it('turns a load away after the queue timeout, and never runs it', async () => {
    const limit = create(1);
    const busy = Promise.withResolvers<void>();
    const first = limit.run(() => busy.promise);
    const load = vi.fn();
    const refused = limit.run(load).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(await refused).toMatchObject({
      code: 'overloaded',
      facts: { retryAfterSeconds: 2 },
      message: '1 loads are in flight and none ended within 1500 ms: try again later',
    });
    busy.resolve();
    await first;
    expect(load).not.toHaveBeenCalled();
    expect(overloads).toBe(1);
    expect(await limit.run(() => Promise.resolve('free again'))).toBe('free again');
  });

  it('frees the place of a load that failed', async () => {
    const limit = create(1);
    await expect(limit.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await limit.run(() => Promise.resolve('next'))).toBe('next');
  });

  it('never has more loads in flight than allowed, whatever their durations', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: 40 }),
        async (max, durationsMs) => {
          const limit = create(max);
          let inFlight = 0;
          let most = 0;
          const loads = durationsMs.map((ms) =>
            limit.run(async () => {
              most = Math.max(most, (inFlight += 1));
              await new Promise((resolve) => setTimeout(resolve, ms));
              inFlight -= 1;
            }),
          );
          const settled = Promise.allSettled(loads);
          await vi.runAllTimersAsync();
          await settled;
          expect(inFlight).toBe(0);
          expect(most).toBe(Math.min(max, durationsMs.length));
        },
      ),
      { numRuns: 50 },
    );
  });
});
