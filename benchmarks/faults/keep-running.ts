import { setTimeout as sleep } from 'node:timers/promises';

import type { ServiceNode } from './stage.ts';

/**
 * Puts every node back that has died, as a supervisor of processes would, while `work` runs; at its end all of them run.
 * `onDeath` is called first, and waited for. Rejects with what either of the two rejects with.
 */
export async function keepRunning<Result>(
  nodes: readonly ServiceNode[],
  { onDeath, signal }: { readonly onDeath: (node: ServiceNode) => Promise<void>; readonly signal: AbortSignal },
  work: () => Promise<Result>,
): Promise<Result> {
  const over = new AbortController();
  const putBackDead = async (): Promise<void> => {
    for (const node of nodes) {
      if (node.isRunning()) continue;
      await onDeath(node);
      await node.launch();
    }
  };
  const keep = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await putBackDead();
      await sleep(20, undefined, { signal });
    }
  };
  const kept = keep();
  try {
    const [result] = await Promise.all([work().finally(() => over.abort()), kept]);
    return result;
  } finally {
    over.abort();
    await kept.catch(() => undefined);
    await putBackDead();
  }
}
