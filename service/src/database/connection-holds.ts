import { Counter, type Registry } from 'prom-client';

import { type ConnectionOwner, connectionOwners } from './connection-owner.ts';

/** `statement`: one runs for the owner. `idle`: none does, and nobody else can use the connection either. */
type Activity = 'statement' | 'idle';
const activities: readonly Activity[] = ['statement', 'idle'];

/** A connection in its owner's hands. */
export interface Hold {
  /** Runs one of its owner's statements. */
  run<Result>(statement: () => Promise<Result>): Promise<Result>;
  /** It is given back. */
  end(): HeldSeconds;
}

export interface HeldSeconds {
  readonly seconds: number;
  /** Of these, without a statement under way. */
  readonly idleSeconds: number;
}

/**
 * Counts how long connections are held, by whom, and for what: what an empty pool is to be explained by. Seconds of
 * connections that are still held are counted whenever metrics are collected, so that one that never comes back shows.
 */
export function createConnectionHolds(registry: Registry): (owner: ConnectionOwner) => Hold {
  const open = new Set<{ settle(): void }>();
  const heldSeconds = new Counter({
    name: 'database_connection_held_seconds_total',
    help: 'Seconds that connections were held by an owner (a transaction or a single query), while a statement ran and while none did (idle).',
    labelNames: ['owner', 'activity'],
    registers: [],
    collect() {
      for (const hold of open) hold.settle();
    },
  });
  registry.registerMetric(heldSeconds);
  for (const owner of connectionOwners) for (const activity of activities) heldSeconds.inc({ owner, activity }, 0);

  return (owner) => {
    const totals: Record<Activity, number> = { statement: 0, idle: 0 };
    let statements = 0;
    let since = performance.now();
    const hold = {
      settle() {
        const now = performance.now();
        const activity = statements > 0 ? 'statement' : 'idle';
        const seconds = (now - since) / 1_000;
        since = now;
        totals[activity] += seconds;
        heldSeconds.inc({ owner, activity }, seconds);
      },
    };
    open.add(hold);
    return {
      async run(statement) {
        hold.settle();
        statements += 1;
        try {
          return await statement();
        } finally {
          hold.settle();
          statements -= 1;
        }
      },
      end() {
        hold.settle();
        open.delete(hold);
        return { seconds: totals.statement + totals.idle, idleSeconds: totals.idle };
      },
    };
  };
}
