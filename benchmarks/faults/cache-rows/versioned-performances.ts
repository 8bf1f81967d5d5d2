import { Agent } from 'node:http';

import { z } from 'zod';

import type { Stage } from '../stage.ts';
import { exchange } from './http-exchange.ts';

/**
 * Performances whose titles say their version, so that every answer can be held against what its reader was owed. A
 * performance has one writer at a time, or versions would not be in the order of their commits.
 */
export interface VersionedPerformances {
  readonly ids: readonly number[];
  /** All of them are of it, and on its page. */
  readonly genre: string;
  /** Sends the next version; whether it was answered with 200. */
  write(id: number, apiUrl: string): Promise<boolean>;
  /** The newest version that a writer was answered before this moment of `performance.now()`. */
  promisedAt(id: number, atMs: number): number;
  /** The newest version that was sent: no answer can hold a later one. */
  sent(id: number): number;
  close(): void;
}

const genre = 'opera';
const withinMs = 10_000;
const createdSchema = z.object({ id: z.int() });

/** What a title says of its version; `undefined` for any other title. */
export function versionOf(title: string): number | undefined {
  const digits = /^Version (\d+)$/.exec(title)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

const titleOf = (version: number): string => `Version ${version}`;

/** @throws when one of them can't be made */
export async function createVersionedPerformances(stage: Stage, count: number): Promise<VersionedPerformances> {
  const { apiToken } = stage;
  const [firstApi] = stage.apis;
  const [hallId] = await stage.createHalls(1, 50);
  const agent = new Agent({ keepAlive: true });
  const post = async (path: string, body: object): Promise<number> => {
    const url = new URL(path, firstApi?.apiUrl).href;
    const answer = await exchange({ method: 'POST', url, agent, apiToken, body, withinMs });
    if (answer?.status !== 201) throw new Error(`POST ${url} was answered ${answer?.status}, not 201: ${answer?.body}`);
    return createdSchema.parse(JSON.parse(answer.body)).id;
  };
  const create = async (index: number): Promise<number> => {
    const id = await post('/performances', {
      title: titleOf(0),
      introduction: 'Read under faults. '.repeat(50),
      genre,
      period: { from: '2999-01-01', to: '2999-12-31' },
      prices: [{ grade: 'R', amount: 50_000 }],
    });
    await post(`/performances/${id}/showtimes`, {
      hallId,
      startsAt: new Date(Date.UTC(2999, 0, 1) + index * 86_400_000).toISOString(),
    });
    return id;
  };
  const ids: number[] = [];
  for (let from = 0; from < count; from += 10) {
    const indexes = Array.from({ length: Math.min(10, count - from) }, (_, offset) => from + offset);
    ids.push(...(await Promise.all(indexes.map(create))));
  }
  const histories = new Map(ids.map((id) => [id, [{ version: 0, answeredAtMs: 0 }]]));
  const sent = new Map(ids.map((id) => [id, 0]));
  return {
    ids,
    genre,
    async write(id, apiUrl) {
      const version = (sent.get(id) ?? 0) + 1;
      sent.set(id, version);
      const url = `${apiUrl}/performances/${id}`;
      const answer = await exchange({
        method: 'PATCH',
        url,
        agent,
        apiToken,
        body: { title: titleOf(version) },
        withinMs,
      });
      if (answer?.status !== 200) return false;
      histories.get(id)?.push({ version, answeredAtMs: performance.now() });
      return true;
    },
    promisedAt: (id, atMs) => histories.get(id)?.findLast(({ answeredAtMs }) => answeredAtMs <= atMs)?.version ?? 0,
    sent: (id) => sent.get(id) ?? 0,
    close: () => agent.destroy(),
  };
}
