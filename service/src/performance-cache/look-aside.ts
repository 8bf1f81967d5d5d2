import { isOutOfMemory } from '../redis/out-of-memory.ts';
import type { Answer, CacheConnection } from './cache-connection.ts';
import type { Clock } from './clock.ts';
import { createFlights } from './flights.ts';
import { changedKeys, entryKeys } from './keys.ts';
import type { EntryKeys } from './keys.ts';
import type { LoadLimit } from './load-limit.ts';
import type { PerformanceCacheMetrics } from './performance-cache-metrics.ts';
import type {
  PerformanceCache,
  PerformanceCacheOptions,
  PerformanceRead,
  PerformanceReadKey,
  Representation,
} from './performance-cache.ts';
import { giveBackLease, invalidate, lookUp, store, takeLease } from './redis-steps.ts';
import type { LeaseAnswer } from './redis-steps.ts';
import { newToken } from './stored-value.ts';
import type { StoredValue } from './stored-value.ts';

export type LookAsideOptions = Extract<PerformanceCacheOptions, { mode: 'look-aside' }>;
type Load = () => Promise<Representation | undefined>;

export interface LookAsideParts {
  readonly connection: CacheConnection;
  readonly loadLimit: LoadLimit;
  readonly metrics: PerformanceCacheMetrics;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Entries that were stored together don't expire together. */
const ttlJitter = 0.1;
/** Tokens live this many TTLs after the last miss, so that a value always dies before its tokens. */
const tokenTtls = 10;
const firstPollMs = 5;
const longestPollMs = 50;
/** Names the flight of those who have no lease to name: the cache can't be asked, or takes nothing. */
const noLease = 'none';

export function jitteredTtlMs(ttlMs: number, random: () => number): number {
  return Math.max(1, Math.round(ttlMs * (1 - ttlJitter + 2 * ttlJitter * random())));
}

/** README.md has the states of an entry and the argument for what is promised. */
export function createLookAsidePerformanceCache(options: LookAsideOptions, parts: LookAsideParts): PerformanceCache {
  const { connection, loadLimit, metrics, clock, sleep, random } = parts;
  const leaseTtls = { leaseTtlMs: options.leaseTtlMs, tokenTtlMs: tokenTtls * options.ttlMs };
  const flights = createFlights<PerformanceRead>();
  const stores = new Set<Promise<void>>();

  function fromStored({ representation, storedAtMs }: StoredValue): PerformanceRead {
    const ageSeconds = Math.max(0, Math.floor((clock.epochMs() - storedAtMs) / 1_000));
    return { representation, result: representation ? 'hit' : 'negative', ageSeconds };
  }

  async function readEntry(entry: EntryKeys, load: Load): Promise<PerformanceRead> {
    const found = await connection.ask((client) => lookUp(client, entry));
    if (!found.answered) return flights.join(entry, noLease, () => loadOnly(load, 'bypass'));
    return found.reply ? fromStored(found.reply) : readMissing(entry, load);
  }

  async function readMissing(entry: EntryKeys, load: Load): Promise<PerformanceRead> {
    const answer = await askForLease(entry);
    if (!answer.answered) {
      if (answer.why === 'unavailable') return flights.join(entry, noLease, () => loadOnly(load, 'bypass'));
      return flights.join(entry, noLease, () => {
        metrics.refusedSet('full');
        return loadOnly(load, 'miss');
      });
    }
    if (answer.reply.outcome === 'found') return fromStored(answer.reply.stored);
    const { outcome, lease } = answer.reply;
    return outcome === 'won'
      ? flights.start(entry, lease, () => loadAndStore(entry, lease, load))
      : flights.join(entry, lease, () => waitForLease(entry, load));
  }

  function askForLease(entry: EntryKeys): Promise<Answer<LeaseAnswer>> {
    const token = newToken();
    return connection.ask(async (client) => {
      try {
        return await takeLease(client, entry, { token, ...leaseTtls });
      } catch (error) {
        // The server may carry it out all the same, and then nobody knows of that lease. This comes after it, or is
        // lost with the connection, whose loss voids every lease: its own outcome says nothing.
        if (!isOutOfMemory(error)) giveBackLease(client, entry, token).catch(() => undefined);
        throw error;
      }
    });
  }

  /** Another process loads: its value, or a lease that came free, or after `leaseWaitMs` a load of our own. */
  async function waitForLease(entry: EntryKeys, load: Load): Promise<PerformanceRead> {
    metrics.leaseWait();
    const deadlineMs = clock.monotonicMs() + options.leaseWaitMs;
    for (let pollMs = firstPollMs; ; pollMs = Math.min(2 * pollMs, longestPollMs)) {
      const remainingMs = deadlineMs - clock.monotonicMs();
      if (remainingMs <= 0) break;
      await sleep(Math.min(pollMs, remainingMs));
      const answer = await askForLease(entry);
      if (!answer.answered) break;
      if (answer.reply.outcome === 'found') return fromStored(answer.reply.stored);
      const { outcome, lease } = answer.reply;
      if (outcome === 'won') return flights.start(entry, lease, () => loadAndStore(entry, lease, load));
    }
    return loadOnly(load, 'miss');
  }

  async function loadOnly(load: Load, result: 'miss' | 'bypass'): Promise<PerformanceRead> {
    return { representation: await loadLimit.run(() => timed(load)), result, ageSeconds: 0 };
  }

  async function timed(load: Load): Promise<Representation | undefined> {
    const startedAtMs = clock.monotonicMs();
    try {
      return await load();
    } finally {
      metrics.loadSeconds((clock.monotonicMs() - startedAtMs) / 1_000);
    }
  }

  async function loadAndStore(entry: EntryKeys, lease: string, load: Load): Promise<PerformanceRead> {
    let read;
    try {
      read = await loadOnly(load, 'miss');
    } catch (error) {
      await connection.ask((client) => giveBackLease(client, entry, lease));
      throw error;
    }
    // The reader does not wait for this: on one connection, whoever asks later comes later.
    const storing = storeLoaded(entry, lease, read.representation);
    stores.add(storing);
    void storing.finally(() => stores.delete(storing));
    return read;
  }

  async function storeLoaded(
    entry: EntryKeys,
    lease: string,
    representation: Representation | undefined,
  ): Promise<void> {
    const ttlMs = jitteredTtlMs(representation ? options.ttlMs : options.negativeTtlMs, random);
    const value = { representation, storedAtMs: clock.epochMs() };
    const answer = await connection.ask((client) => store(client, entry, { lease, value, ttlMs }));
    const outcome = answer.answered ? answer.reply : answer.why;
    if (outcome !== 'stored') metrics.refusedSet(outcome);
  }

  return {
    async read(key: PerformanceReadKey, load: Load) {
      try {
        const read = await readEntry(entryKeys(key), load);
        metrics.request(key.kind, read.result);
        return read;
      } catch (error) {
        metrics.request(key.kind, 'error');
        throw error;
      }
    },
    async invalidate(change) {
      flights.forget(changedKeys(change));
      const answer = await connection.ask((client) => invalidate(client, change));
      if (answer.answered) return;
      metrics.invalidationFailure();
      connection.distrust();
    },
    async close() {
      await Promise.all(stores);
      connection.close();
    },
  };
}
