import { describe, expect, it } from 'vitest';

import { poll, pollUntil } from '../faults/poll.ts';

const { signal } = new AbortController();
const soon = { everyMs: 1, withinMs: 10_000, signal };

describe('poll', () => {
  it('looks until something is found, and gives it', async () => {
    let looks = 0;
    const found = await poll(() => {
      looks += 1;
      return looks < 3 ? undefined : `look ${looks}`;
    }, soon);
    expect(found).toBe('look 3');
  });

  it('takes 0 and false for something', async () => {
    expect(await poll(() => 0, soon)).toBe(0);
    expect(await poll(() => false, soon)).toBe(false);
  });

  it('gives undefined after the first look that ends when the time is over', async () => {
    let looks = 0;
    const slow = async (): Promise<undefined> => {
      looks += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    };
    expect(await poll(slow, { ...soon, withinMs: 10 })).toBeUndefined();
    expect(looks).toBe(1);
  });

  it('rejects as the look does, and when the signal is aborted', async () => {
    await expect(poll(() => Promise.reject(new Error('nobody is there')), soon)).rejects.toThrow('nobody is there');
    const over = new AbortController();
    const polled = poll(() => undefined, { ...soon, signal: over.signal });
    over.abort();
    await expect(polled).rejects.toThrow('aborted');
  });
});

describe('pollUntil', () => {
  it('resolves when it is so', async () => {
    let looks = 0;
    await pollUntil(() => ++looks === 3, { ...soon, notSo: 'three looks were not had' });
    expect(looks).toBe(3);
  });

  it('says what was not so, and within which time', async () => {
    const never = pollUntil(() => false, { ...soon, withinMs: 5, notSo: '60 entries were not taken' });
    await expect(never).rejects.toThrow('60 entries were not taken within 5 ms');
  });
});
