import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { startTimelineRecorder, type TimelineReading, type TimelineSource } from '../faults/timeline-recorder.ts';

const intervalSeconds = 0.1;

function source(own: Partial<TimelineSource> & { read(): Promise<TimelineReading> }): TimelineSource {
  return { name: 'invented', ids: ['level', 'rate'], ...own };
}

async function recorded(sources: readonly TimelineSource[], seconds: number) {
  const request = { intervalSeconds, sources, label: 'before' };
  const recorder = await startTimelineRecorder(request, new AbortController().signal);
  await sleep(seconds * 500);
  recorder.mark('fault', true);
  await sleep(seconds * 500);
  return recorder.end();
}

test('reads levels as they are and counters as rates, once an interval, and marks the phases', async () => {
  const beganMs = performance.now();
  // A counter that rises by 1,000 a second.
  const counting = source({
    read: () => Promise.resolve({ levels: { level: 7 }, counters: { rate: performance.now() - beganMs } }),
  });
  const { marks, values, intervals, missed } = await recorded([counting], 0.8);
  expect(intervals).toBeGreaterThanOrEqual(8);
  expect(values['level']).toEqual(Array.from({ length: intervals }, () => 7));
  const rates = (values['rate'] ?? []).map(Number);
  expect(rates.reduce((sum, rate) => sum + rate, 0) / intervals / 1_000).toBeCloseTo(1, 1);
  expect(marks).toMatchObject([
    { atSeconds: 0, label: 'before', isFault: false },
    { label: 'fault', isFault: true },
  ]);
  expect(missed.size).toBe(0);
});

test('gives null, and no 0, for what could not be read, says why, and goes on', async () => {
  let calls = 0;
  const failing = source({
    read() {
      calls += 1;
      if (calls === 3) return Promise.reject(new Error('it was frozen'));
      return Promise.resolve({ levels: { level: 1 }, counters: { rate: calls } });
    },
  });
  const { values, missed } = await recorded([failing], 0.8);
  expect(values['level']?.slice(0, 4)).toEqual([1, null, 1, 1]);
  // The rate of an interval needs a reading at both of its ends.
  expect(values['rate']?.[1]).toBeNull();
  expect(values['rate']?.[2]).toBeNull();
  expect(values['rate']?.[3]).toBeGreaterThan(0);
  expect(missed.get('invented')).toEqual({ intervals: 1, why: 'it was frozen' });
});

test('lets a source that hangs delay no other, and never asks it twice at a time', async () => {
  let under = 0;
  let most = 0;
  let calls = 0;
  const hanging = source({
    name: 'hanging',
    ids: ['slow'],
    async read() {
      calls += 1;
      under += 1;
      most = Math.max(most, under);
      if (calls > 1) await sleep(350);
      under -= 1;
      return { levels: { slow: 1 }, counters: {} };
    },
  });
  const prompt = source({ ids: ['level'], read: () => Promise.resolve({ levels: { level: 2 }, counters: {} }) });
  const { values, intervals, missed } = await recorded([hanging, prompt], 0.8);
  expect(values['level']).toEqual(Array.from({ length: intervals }, () => 2));
  expect(values['slow']).toEqual(Array.from({ length: intervals }, () => null));
  expect(missed.get('hanging')?.intervals).toBe(intervals);
  expect(most).toBe(1);
});
