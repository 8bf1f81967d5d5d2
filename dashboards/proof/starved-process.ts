import { setTimeout as sleep } from 'node:timers/promises';

import { type Bench, get } from './bench.ts';

/** A process that is stopped for most of the time has an event loop that is late, whatever keeps it. */
export async function withBlockedLoop(bench: Bench): Promise<void> {
  const [api] = bench.stage.apis;
  await bench.during('loop-blocked', 'the API is stopped for 0.4 of every 0.5 seconds', async () => {
    const endMs = performance.now() + 10_000;
    try {
      while (performance.now() < endMs) {
        api?.freeze();
        await sleep(400, undefined, { signal: bench.signal });
        api?.thaw();
        await sleep(100, undefined, { signal: bench.signal });
      }
    } finally {
      api?.thaw();
    }
  });
}

const limits = { cores: 0.1, memoryBytes: 2 ** 30 };
/** Each has one request under way: with a page of seats as the work, enough to use up the share. */
const readers = 2;

/** Long enough for an alert of 10 minutes over 5, in the time of the run. */
export async function withLimits(bench: Bench): Promise<void> {
  const { controlGroup, signal } = bench;
  if (!controlGroup) return;
  await bench.during(
    'resources-limited',
    `the API may use ${limits.cores} of a core and 1 GiB for 20 seconds, under ${readers} readers of seats without a pause`,
    async () => {
      const endMs = performance.now() + 20_000;
      const [hallWithSeats] = bench.takenHalls();
      const readUntilTheEnd = async (): Promise<void> => {
        while (performance.now() < endMs) {
          signal.throwIfAborted();
          await get(bench, `/halls/${hallWithSeats}/seats?limit=1000`);
        }
      };
      controlGroup.limit(limits);
      try {
        await Promise.all(Array.from({ length: readers }, readUntilTheEnd));
      } finally {
        controlGroup.limit(undefined);
      }
    },
  );
}
