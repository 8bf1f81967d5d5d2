import { type Page, type PageRead, readInTurn } from './page-reads.ts';

export interface CapacitySeconds {
  /** A new process compiles its code first, and PostgreSQL plans the first executions of each connection one by one. */
  readonly warmUp: number;
  readonly measured: number;
}

interface ClosedLoad {
  readonly apiUrl: string;
  readonly pages: readonly Page[];
  /** Clients, each of which asks when it has its answer. */
  readonly inFlight: number;
}

/**
 * Reads a second that a service without a cache gets out of its database.
 * @throws when one of them is not served
 */
export async function measureCapacity(load: ClosedLoad, { warmUp, measured }: CapacitySeconds): Promise<number> {
  const fromMs = performance.now() + 1_000 * warmUp;
  const toMs = fromMs + 1_000 * measured;
  const reads = await readInTurn({ ...load, isOver: () => performance.now() >= toMs });
  refuseAnyFailure(reads, 'with the cache off');
  return reads.filter(({ endedMs }) => endedMs >= fromMs && endedMs < toMs).length / measured;
}

/** Reads every page once, and once more. @throws when one is not served, or no hit when it is read again */
export async function fillCache(load: ClosedLoad): Promise<void> {
  const { length } = load.pages;
  const isOver = (begun: number): boolean => begun >= length;
  refuseAnyFailure(await readInTurn({ ...load, isOver }), 'while the cache was filled');
  const again = await readInTurn({ ...load, isOver });
  refuseAnyFailure(again, 'of a full cache');
  const misses = again.filter(({ isHit }) => !isHit).length;
  if (misses > 0) throw new Error(`${misses} of ${length} pages were no hits when they were read again`);
}

/** @throws at the first that was not served: when nothing is hurt yet, something is wrong with the trial itself */
export function refuseAnyFailure(reads: readonly PageRead[], when: string): void {
  const failed = reads.find(({ outcome }) => outcome !== 'served');
  if (failed) throw new Error(`a read ${when} was ${failed.outcome}: ${failed.what ?? '503 with Retry-After'}`);
}
