import type { EntryKeys } from './keys.ts';

/** A read under way, which others of this process may share. */
interface Flight<Result> {
  readonly entry: EntryKeys;
  readonly result: Promise<Result>;
}

/**
 * One load per entry and process. A flight is known by its entry and by the lease it runs under, and is joined only
 * by those who name that same lease: see README.md for why this keeps an old load from a new reader.
 */
export interface Flights<Result> {
  join(entry: EntryKeys, lease: string, run: () => Promise<Result>): Promise<Result>;
  /** Begins a flight that nobody can have begun before, because the lease was just won. */
  start(entry: EntryKeys, lease: string, run: () => Promise<Result>): Promise<Result>;
  /** From now on nobody joins the flights that use one of these keys. They end as they would have. */
  forget(keys: readonly string[]): void;
}

export function createFlights<Result>(): Flights<Result> {
  const flights = new Map<string, Flight<Result>>();

  function start(entry: EntryKeys, lease: string, run: () => Promise<Result>): Promise<Result> {
    const name = `${entry.value} ${lease}`;
    const flight: Flight<Result> = {
      entry,
      result: run().finally(() => {
        if (flights.get(name) === flight) flights.delete(name);
      }),
    };
    flights.set(name, flight);
    return flight.result;
  }

  return {
    start,
    join: (entry, lease, run) => flights.get(`${entry.value} ${lease}`)?.result ?? start(entry, lease, run),
    forget(keys) {
      for (const [name, { entry }] of flights) {
        if (keys.includes(entry.value) || entry.tokens.some((token) => keys.includes(token))) flights.delete(name);
      }
    },
  };
}
