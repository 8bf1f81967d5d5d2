import { describe, expect, test } from 'vitest';

import type { RunningVariant } from '../environments/environment.ts';
import type { FinishedLoad, LoadWindow } from '../load/load.ts';
import { createTogether, runSlot, type SlotPorts } from '../protocol/slot.ts';

const window: LoadWindow = {
  latencies: [{ route: 'list', count: 10, buckets: [[1000, 10]] }],
  requests: 10,
  reads: 10,
  failedRequests: 0,
  failedReads: 0,
  wrongBodies: 0,
  droppedIterations: 0,
  responseBytes: 1,
  virtualUserShare: 0.1,
  scheduleLagSeconds: { median: 0, largest: 0 },
};
const finished: FinishedLoad = {
  window: () => Promise.resolve(window),
  summary: { requests: 10, p50Seconds: 0.001, p95Seconds: 0.001 },
  rawSha256: '0'.repeat(64),
};
const variant = (apiUrl: string): RunningVariant => ({
  id: 'before',
  apiUrl,
  adminUrl: '',
  workerAdminUrls: [],
  apiToken: '',
  database: { engine: 'sqlite', file: '' },
  redisCacheUrl: '',
  redisQueueUrl: '',
  parts: [],
  readSettings: () => Promise.resolve([]),
});

/** Loads that begin when they are told, and what was done in which order. */
function standInPorts() {
  const events: string[] = [];
  const starts = new Map<string, PromiseWithResolvers<Date>>();
  const ends = new Map<string, PromiseWithResolvers<FinishedLoad>>();
  const durations: string[] = [];
  const ports: SlotPorts = {
    signal: new AbortController().signal,
    emptyCache: () => Promise.resolve(),
    openWindowMeter: ({ apiUrl }) =>
      Promise.resolve({
        start: () => Promise.resolve(void events.push(`window of ${apiUrl}`)),
        stop() {
          ends.get(apiUrl)?.resolve(finished);
          return Promise.resolve([{ metric: 'window_seconds', value: 0.02, unit: 's', source: 'stand-in' }]);
        },
        close: () => Promise.resolve(),
      }),
    startLoad({ apiUrl, variables }) {
      durations.push(variables['DURATION_SECONDS'] ?? '');
      const [start, end] = [Promise.withResolvers<Date>(), Promise.withResolvers<FinishedLoad>()];
      starts.set(apiUrl, start);
      ends.set(apiUrl, end);
      return { processId: 1, started: start.promise, finished: end.promise, stop: () => Promise.resolve() };
    },
  };
  const begin = async (apiUrl: string): Promise<void> => {
    await expect.poll(() => starts.get(apiUrl)).toBeDefined();
    events.push(`${apiUrl} began`);
    starts.get(apiUrl)?.resolve(new Date());
  };
  return { ports, events, durations, begin, ends };
}

const plan = {
  id: 'one',
  role: 'measured',
  script: 'script.ts',
  offered: 1,
  warmUpSeconds: 0.02,
  windowSeconds: 0.02,
  variables: {},
} as const;

describe('slots that run together', () => {
  test('open their windows when the last load has begun, and go on for as long as the first may have waited', async () => {
    const { ports, events, durations, begin } = standInPorts();
    const together = createTogether(2, 1.5);
    const slots = ['a', 'b'].map((apiUrl) => runSlot(ports, variant(apiUrl), { ...plan, together }));
    await begin('a');
    await new Promise((resolve) => setTimeout(resolve, 100));
    await begin('b');
    await Promise.all(slots);
    expect(events.slice(0, 2)).toEqual(['a began', 'b began']);
    expect(events.slice(2).toSorted()).toEqual(['window of a', 'window of b']);
    expect(durations).toEqual(['1.84', '1.84']);
  });

  test('end with an error, and do not hang, when one of them never begins', async () => {
    const { ports, begin, ends } = standInPorts();
    const together = createTogether(2, 1.5);
    const [one, other] = ['a', 'b'].map((apiUrl) => runSlot(ports, variant(apiUrl), { ...plan, together }));
    await begin('a');
    await expect.poll(() => ends.get('b')).toBeDefined();
    ends.get('b')?.reject(new Error('k6 ended with status 107'));
    await expect(other).rejects.toThrow('status 107');
    ends.get('a')?.resolve(finished);
    await expect(one).rejects.toThrow('ended before its warm-up began');
  });

  test('open each its own without this', async () => {
    const { ports, events, begin } = standInPorts();
    const slots = ['a', 'b'].map((apiUrl) => runSlot(ports, variant(apiUrl), plan));
    await begin('a');
    await slots[0];
    await begin('b');
    await slots[1];
    expect(events).toEqual(['a began', 'window of a', 'b began', 'window of b']);
  });
});
