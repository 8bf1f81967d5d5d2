import { Agent } from 'node:http';

import type { Stage } from '../stage.ts';
import { exchange } from './http-exchange.ts';
import { apiUrlsOf } from './open-reads-series.ts';
import { withAdmin } from './redis-faults.ts';
import type { VersionedPerformances } from './versioned-performances.ts';

interface FillingLoad {
  readonly performances: Pick<VersionedPerformances, 'ids'>;
  /** More than the service loads at a time, so that there is always one more that waits. */
  readonly inFlight: number;
  readonly signal: AbortSignal;
}

/**
 * Reads each performance once, with an empty cache: what the service gets through with its database.
 *
 * @throws when one is not answered with 200
 */
export async function measureLoadsPerSecond(
  stage: Stage,
  { performances, inFlight, signal }: FillingLoad,
): Promise<number> {
  await withAdmin(stage, (admin) => admin.flushall());
  const [apiUrl = ''] = apiUrlsOf(stage);
  const agent = new Agent({ keepAlive: true });
  const left = [...performances.ids];
  const readInTurn = async (): Promise<void> => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      signal.throwIfAborted();
      const url = `${apiUrl}/performances/${id}`;
      const answer = await exchange({ method: 'GET', url, agent, withinMs: 10_000 });
      if (answer?.status !== 200) throw new Error(`GET ${url} was answered ${answer?.status}, before any fault`);
    }
  };
  const startedAtMs = performance.now();
  try {
    await Promise.all(Array.from({ length: inFlight }, readInTurn));
  } finally {
    agent.destroy();
  }
  return (1_000 * performances.ids.length) / (performance.now() - startedAtMs);
}
