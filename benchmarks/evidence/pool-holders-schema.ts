import { z } from 'zod';

/**
 * Who held the connections of a service's pool during a fault: twice, as its own metrics count it and as the database
 * sees it from outside.
 */
export const poolHoldersSchema = z.strictObject({
  /** Length of what these are the readings of. */
  seconds: z.number().positive(),
  poolSize: z.int().positive(),
  /** Of `database_connection_held_seconds_total`: transactions and single queries that held a connection at all. */
  owners: z.array(
    z.strictObject({
      owner: z.string().min(1),
      heldSeconds: z.number().min(0),
      /** Of these, without a statement under way. */
      idleSeconds: z.number().min(0),
    }),
  ),
  /** Of `database_query_seconds`: statements that ran at all, by name. */
  statements: z.array(
    z.strictObject({ query: z.string().min(1), calls: z.int().positive(), seconds: z.number().min(0) }),
  ),
  /** How often pg_stat_activity was read. */
  samples: z.int().positive(),
  /** Of the service's connections in these samples, by what they did; `connections` adds up over the samples. */
  backends: z.array(
    z.strictObject({
      /** `active`, `idle in transaction`, … as pg_stat_activity has it. */
      state: z.string().min(1),
      /** The statement that runs, or the last one. */
      statement: z.string(),
      connections: z.int().positive(),
      /** Largest age of the transaction; 0 where there is none. */
      longestTransactionSeconds: z.number().min(0),
    }),
  ),
});

export type PoolHolders = z.infer<typeof poolHoldersSchema>;

/** Why these can't be the readings of one pool, with the numbers; `undefined` when they can. */
export function poolHoldersProblem(holders: PoolHolders | undefined): string | undefined {
  if (holders === undefined) return undefined;
  const { owners, poolSize, seconds, backends, samples } = holders;
  const odd = owners.find(({ heldSeconds, idleSeconds }) => idleSeconds > heldSeconds);
  if (odd) return `${odd.owner} held connections for ${odd.heldSeconds} s, and was idle for ${odd.idleSeconds} of them`;
  const held = owners.reduce((sum, { heldSeconds }) => sum + heldSeconds, 0);
  // The counters are read a moment apart from the clock.
  if (held > 1.1 * poolSize * seconds + 1) return `${poolSize} connections were held for ${held} s within ${seconds} s`;
  const seen = backends.reduce((sum, { connections }) => sum + connections, 0);
  if (seen > poolSize * samples) return `${seen} connections were seen in ${samples} samples of ${poolSize}`;
  return undefined;
}
