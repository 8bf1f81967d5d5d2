import type { PoolHolders } from '../evidence/pool-holders-schema.ts';
import type { Series, TrialsEvidence } from '../evidence/trials-schema.ts';

/** The pool of one series, over all of its trials. Shares are from 0 to 1, the largest first. */
export interface PoolDiagnosis {
  readonly series: Series;
  readonly trials: number;
  /** Connections that were held, on average over the seconds of all trials. */
  readonly heldConnections: number;
  readonly poolSize: number;
  readonly owners: readonly OwnerShare[];
  readonly backends: readonly BackendShare[];
}

export interface OwnerShare {
  readonly owner: string;
  /** Of all seconds that connections were held. */
  readonly share: number;
  /** Of its own: without a statement under way. */
  readonly idleShare: number;
  /** Statements of the query of this name; undefined for a transaction. */
  readonly callsPerSecond: number | undefined;
}

export interface BackendShare {
  readonly state: string;
  readonly statement: string;
  /** Of all connections that were seen. */
  readonly share: number;
  readonly longestTransactionSeconds: number;
}

/** In the order of the experiment's series, those that have recorded it. */
export function diagnosePools({ run, trials }: TrialsEvidence): PoolDiagnosis[] {
  return run.experiment.series.flatMap((series) => {
    const recorded = trials.flatMap((trial) =>
      trial.series === series.id && trial.poolHolders ? [trial.poolHolders] : [],
    );
    return recorded.length === 0 ? [] : [diagnose(series, recorded)];
  });
}

function diagnose(series: Series, recorded: readonly PoolHolders[]): PoolDiagnosis {
  const seconds = sumOf(recorded, (one) => one.seconds);
  const owners = recorded.flatMap((one) => one.owners);
  const heldSeconds = sumOf(owners, (one) => one.heldSeconds);
  return {
    series,
    trials: recorded.length,
    heldConnections: heldSeconds / seconds,
    poolSize: Math.max(...recorded.map(({ poolSize }) => poolSize)),
    owners: ownerShares(
      owners,
      recorded.flatMap((one) => one.statements),
      { heldSeconds, seconds },
    ),
    backends: backendShares(recorded.flatMap((one) => one.backends)),
  };
}

function ownerShares(
  owners: PoolHolders['owners'],
  statements: PoolHolders['statements'],
  all: { readonly heldSeconds: number; readonly seconds: number },
): OwnerShare[] {
  const shares = Array.from(
    Map.groupBy(owners, ({ owner }) => owner),
    ([owner, own]): OwnerShare => {
      const heldSeconds = sumOf(own, (one) => one.heldSeconds);
      const calls = statements.filter(({ query }) => query === owner);
      return {
        owner,
        share: heldSeconds / all.heldSeconds,
        idleShare: heldSeconds === 0 ? 0 : sumOf(own, (one) => one.idleSeconds) / heldSeconds,
        callsPerSecond: calls.length === 0 ? undefined : sumOf(calls, (one) => one.calls) / all.seconds,
      };
    },
  );
  return shares.toSorted((a, b) => b.share - a.share);
}

function backendShares(backends: PoolHolders['backends']): BackendShare[] {
  const connections = sumOf(backends, (one) => one.connections);
  const alike = Map.groupBy(backends, ({ state, statement }) => JSON.stringify([state, statement]));
  return Array.from(alike.values(), (own) => ({
    state: own[0]?.state ?? '',
    statement: own[0]?.statement ?? '',
    share: sumOf(own, (one) => one.connections) / connections,
    longestTransactionSeconds: Math.max(...own.map((one) => one.longestTransactionSeconds)),
  })).toSorted((a, b) => b.share - a.share);
}

function sumOf<Item>(items: readonly Item[], pick: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + pick(item), 0);
}
