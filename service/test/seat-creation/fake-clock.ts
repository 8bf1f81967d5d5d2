import type { ConsumerClock } from '../../src/seat-creation/clock.ts';

export interface FakeClock extends ConsumerClock {
  /** Every wait that was asked for, in ms; each is over at once, and time has passed. */
  readonly waits: readonly number[];
  advance(ms: number): void;
  /** Runs instead of a wait. */
  onSleep: (ms: number) => Promise<void> | void;
}

export function createFakeClock(): FakeClock {
  const waits: number[] = [];
  let elapsedMs = 0;
  const clock: FakeClock = {
    waits,
    onSleep: () => undefined,
    advance(ms) {
      elapsedMs += ms;
    },
    now: () => new Date(Date.UTC(2026, 10, 23, 12) + elapsedMs),
    monotonicMs: () => elapsedMs,
    async sleep(ms) {
      waits.push(ms);
      elapsedMs += ms;
      await clock.onSleep(ms);
    },
  };
  return clock;
}
