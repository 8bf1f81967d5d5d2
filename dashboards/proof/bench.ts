import { randomUUID } from 'node:crypto';
import type { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { exchange } from '../../benchmarks/faults/cache-rows/http-exchange.ts';
import type { VersionedPerformances } from '../../benchmarks/faults/cache-rows/versioned-performances.ts';
import type { Stage } from '../../benchmarks/faults/stage.ts';
import type { ControlGroup } from './control-group.ts';
import type { LoadWindow } from './outcome.ts';

/** What the loads are done with. */
export interface Bench {
  readonly stage: Stage;
  readonly performances: VersionedPerformances;
  /** Without seats yet; each is taken once. @throws when fewer are left */
  readonly takeHalls: (count: number) => readonly number[];
  /** In the order in which they were taken; the first one has its seats before any load. */
  readonly takenHalls: () => readonly number[];
  readonly apiUrl: string;
  readonly agent: Agent;
  /** The API is in it, if this machine lets us make one. */
  readonly controlGroup: ControlGroup | undefined;
  readonly signal: AbortSignal;
  /** Runs a load, and writes down when. */
  readonly during: (load: LoadWindow['load'], what: string, work: () => Promise<unknown>) => Promise<void>;
}

export const seatsPerHall = 2_000;

/** By the clock, whatever the answers, each of which is waited for in the end. */
export async function atRate(
  { signal }: Bench,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
  send: (index: number) => Promise<unknown>,
): Promise<void> {
  const startMs = performance.now();
  const sent: Promise<unknown>[] = [];
  for (let index = 0; index < perSecond * seconds; index += 1) {
    const waitMs = startMs + (index * 1_000) / perSecond - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    sent.push(send(index));
  }
  await Promise.all(sent);
}

export async function get({ apiUrl, agent }: Bench, path: string): Promise<unknown> {
  return exchange({ method: 'GET', url: `${apiUrl}${path}`, agent, withinMs: 15_000 });
}

/** The list, its pages by genre, and details, in turn. */
export function read(bench: Bench, index: number): Promise<unknown> {
  const { ids, genre } = bench.performances;
  const paths = [
    `/performances?limit=20&genre=${genre}`,
    '/performances?limit=10',
    `/performances/${ids[index % ids.length]}`,
  ];
  return get(bench, paths[index % paths.length] ?? '');
}

export async function createSeats({ stage, apiUrl }: Bench, halls: readonly number[]): Promise<void> {
  await Promise.all(
    halls.map(async (hall) => {
      const response = await fetch(`${apiUrl}/halls/${hall}/seats`, {
        method: 'POST',
        headers: { authorization: `Bearer ${stage.apiToken}`, 'idempotency-key': randomUUID() },
      });
      if (response.status !== 202)
        throw new Error(`POST /halls/${hall}/seats was answered ${response.status}, not 202`);
    }),
  );
}
