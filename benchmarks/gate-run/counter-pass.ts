import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { z } from 'zod';

import type { RunningVariant } from '../environments/environment.ts';
import type { Counters, LoadCounters } from '../gate/counters.ts';
import { listPages, performanceIdOfRank } from '../scenarios/performance-workload.ts';
import { type CounterReader, openCounterReader } from './read-counters.ts';

const details = 40;
const writes = 5;
const jobs = 20;
const doneWithinMs = 10_000;
const pollMs = 2;

/** Of 200 seats. */
const newHall = {
  name: 'counted',
  seatingPlan: {
    floors: [
      {
        name: '1',
        sections: [{ name: 'A', grade: 'R', blocks: [{ rows: { from: 1, to: 10 }, seats: { from: 1, to: 20 } }] }],
      },
    ],
  },
};

interface CountedRequest {
  /** Under which its answers are counted together. */
  readonly kind: string;
  readonly method: 'GET' | 'PATCH' | 'POST';
  readonly path: string;
  readonly body?: object;
  readonly status: number;
}

/** Resolves to the body; rejects for another status. */
type Send = (request: CountedRequest) => Promise<string>;

/**
 * A fixed sequence of requests, one at a time: pages and details that miss, then hit, one that is not there, writes and
 * the reads that they void, then halls that get their seats through the stream. The whole sequence runs once without
 * being counted, so that no connection is new and no code runs for the first time.
 *
 * @throws when an answer has another status than it must have, or a job is not done within 10 s
 */
export async function countPass(variant: RunningVariant): Promise<Counters> {
  const reader = await openCounterReader(variant);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const sequence = async (edition: number): Promise<Counters> => {
    await reader.emptyCache();
    return {
      reads: await counted(reader, (answers) => readAndWrite(sender({ variant, agent, answers }), edition)),
      'seat-creation': await counted(reader, (answers) => createSeats(sender({ variant, agent, answers }), reader)),
    };
  };
  try {
    await sequence(1);
    return await sequence(2);
  } finally {
    agent.destroy();
    await reader.close();
  }
}

type Answers = Record<string, { count: number; bodyBytes: number }>;

async function counted(reader: CounterReader, load: (answers: Answers) => Promise<void>): Promise<LoadCounters> {
  const before = await reader.read();
  const responses: Answers = {};
  await load(responses);
  const after = await reader.read();
  return {
    statements: increase(before.statements, after.statements),
    databaseStatements: sorted(
      Object.entries(after.databaseStatements).flatMap(([statement, { calls, sharedBuffers }]) => {
        const earlier = before.databaseStatements[statement] ?? { calls: 0, sharedBuffers: 0 };
        const own = { calls: calls - earlier.calls, sharedBuffers: sharedBuffers - earlier.sharedBuffers };
        return own.calls === 0 ? [] : [[statement, own] as const];
      }),
    ),
    cacheCommands: increase(before.cacheCommands, after.cacheCommands),
    queueCommands: increase(before.queueCommands, after.queueCommands),
    responses,
    ...(await reader.readLeftBehind()),
  };
}

type Counts = Readonly<Record<string, number>>;

function increase(before: Counts, after: Counts): Record<string, number> {
  const differences = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return sorted(differences.filter(([, difference]) => difference !== 0));
}

/** Servers list what they counted in any order. */
function sorted<Value>(entries: readonly (readonly [string, Value])[]): Record<string, Value> {
  return Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

async function readAndWrite(send: Send, edition: number): Promise<void> {
  const get = (kind: string, path: string, status = 200): Promise<string> =>
    send({ kind, method: 'GET', path, status });
  const pages = listPages().map(
    ({ genre, city }) => `/performances?${new URLSearchParams({ genre, city }).toString()}`,
  );
  const ids = Array.from({ length: details }, (_, rank) => countedPerformance(rank));
  for (const visit of ['miss', 'hit']) {
    for (const page of pages) await get(`list, ${visit}`, page);
    for (const id of ids) await get(`detail, ${visit}`, `/performances/${id}`);
    await get(`nothing there, ${visit}`, `/performances/${2 ** 31 - 1}`, 404);
  }
  for (const id of ids.slice(0, writes)) {
    const path = `/performances/${id}`;
    await send({ kind: 'write', method: 'PATCH', path, body: { title: `Edition ${edition}` }, status: 200 });
    await get('detail, written', path);
  }
  for (const page of pages) await get('list, after writes', page);
  // What the last miss stores is sent after its answer, and before this.
  await get('detail, last', `/performances/${ids[0]}`);
}

/** Half of the content that the blocks have: tables of which ANALYZE reads every row, and not a random sample. */
export const countedPerformances = 5_000;

function countedPerformance(rank: number): number {
  return (performanceIdOfRank(rank) % countedPerformances) + 1;
}

const idSchema = z.object({ id: z.int() });
const operationSchema = z.object({ id: z.string() });

async function createSeats(send: Send, reader: CounterReader): Promise<void> {
  const post = async (kind: string, path: string, body: object): Promise<number> =>
    idSchema.parse(JSON.parse(await send({ kind, method: 'POST', path, body, status: 201 }))).id;
  const restingKeys = await reader.queueKeys();
  const venue = await post('venue', '/venues', { name: 'counted', city: 'Seoul' });
  for (let job = 0; job < jobs; job += 1) {
    const hall = await post('hall', `/venues/${venue}/halls`, newHall);
    const accepted = await send({ kind: 'job', method: 'POST', path: `/halls/${hall}/seats`, status: 202 });
    await untilDone(reader, restingKeys);
    const { id } = operationSchema.parse(JSON.parse(accepted));
    await send({ kind: 'operation', method: 'GET', path: `/seat-creations/${id}`, status: 200 });
    await send({ kind: 'seats', method: 'GET', path: `/halls/${hall}/seats`, status: 200 });
  }
}

/** By the keys of the queue: to ask the service would be counted, and so often as chance has it. */
async function untilDone(reader: CounterReader, restingKeys: number): Promise<void> {
  const deadline = performance.now() + doneWithinMs;
  while ((await reader.queueKeys()) > restingKeys) {
    if (performance.now() > deadline) throw new Error(`a seat creation was not done ${doneWithinMs} ms after its 202`);
    await sleep(pollMs);
  }
}

function sender({
  variant,
  agent,
  answers,
}: {
  readonly variant: RunningVariant;
  readonly agent: Agent;
  readonly answers: Answers;
}): Send {
  return async ({ kind, method, path, body, status: expected }) => {
    const { status, answer } = await new Promise<{ status: number | undefined; answer: string }>((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${variant.apiToken}`,
        ...(body && { 'content-type': 'application/json' }),
      };
      const sent = request(new URL(path, variant.apiUrl), { method, agent, headers, timeout: doneWithinMs });
      sent.on('response', (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode, answer }), reject);
      });
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${doneWithinMs} ms`)));
      sent.on('error', (cause) => reject(new Error(`${method} ${path} failed`, { cause })));
      sent.end(body && JSON.stringify(body));
    });
    if (status !== expected) {
      throw new Error(`${method} ${path} was answered ${status}, not ${expected}: ${answer.slice(0, 300)}`);
    }
    const { count, bodyBytes } = answers[kind] ?? { count: 0, bodyBytes: 0 };
    answers[kind] = { count: count + 1, bodyBytes: bodyBytes + Buffer.byteLength(answer) };
    return answer;
  };
}
