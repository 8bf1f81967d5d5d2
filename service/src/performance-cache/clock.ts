/** Milliseconds, twice: since 1970 for what other processes read, and since some start for what must not jump. */
export interface Clock {
  epochMs(): number;
  monotonicMs(): number;
}

export const systemClock: Clock = { epochMs: () => Date.now(), monotonicMs: () => performance.now() };
