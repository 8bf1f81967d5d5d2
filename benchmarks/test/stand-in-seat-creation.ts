import { randomUUID } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AuditedStage } from '../faults/settlement.ts';
import type { AuditedOperation, FaultyHall, ServiceNode } from '../faults/stage.ts';

/**
 * What becomes of a request: answered as it should be; refused; its connection broken before it was looked at; accepted
 * with its answer lost; left without an answer; answered with something else.
 */
export type Fate = 'answered' | 'refused' | 'broken' | 'answer-lost' | 'silent' | number;

export interface StandInSeatCreation extends AsyncDisposable {
  readonly url: string;
  /** Every request: key, hall and time in milliseconds. */
  readonly seen: readonly { readonly key: string; readonly hallId: number; readonly at: number }[];
  /** Operations by id, as the database would have them. */
  readonly operations: Map<string, AuditedOperation>;
  readonly letters: { id: string; reason: string; operationId: string }[];
  readonly faultyHalls: FaultyHall[];
  /** In the stream. */
  readonly left: { entries: number; pending: number };
  /** For settlement.ts: this server as the API, its lists as the database. */
  readonly stage: AuditedStage;
}

export interface StandInBehaviour {
  /** Of the n-th request for this hall, from 1. Default: all are answered. */
  readonly fate?: (hallId: number, attempt: number) => Fate;
  /** `false`: every accepted request is a new operation, whatever its key. */
  readonly keepsKeys?: boolean;
  readonly retryAfterSeconds?: number;
  readonly lettersPerPage?: number;
}

export const standInToken = 'stand-in-token-5f81';

/** A service that accepts seat creations and does them at once, with the faults that it is told to have. */
export async function startStandInSeatCreation(behaviour: StandInBehaviour = {}): Promise<StandInSeatCreation> {
  const { fate = () => 'answered', keepsKeys = true, retryAfterSeconds = 5, lettersPerPage = 100 } = behaviour;
  const seen: { key: string; hallId: number; at: number }[] = [];
  const operations = new Map<string, AuditedOperation>();
  const operationOfKey = new Map<string, string>();
  const letters: StandInSeatCreation['letters'] = [];
  const faultyHalls: FaultyHall[] = [];
  const left = { entries: 0, pending: 0 };

  function accept(hallId: number, key: string): string {
    const known = keepsKeys ? operationOfKey.get(key) : undefined;
    if (known !== undefined) return known;
    const operationId = randomUUID();
    operationOfKey.set(key, operationId);
    operations.set(operationId, done(hallId));
    return operationId;
  }

  function answerSeats(hallId: number, key: string, response: ServerResponse): void {
    seen.push({ key, hallId, at: performance.now() });
    const ending = fate(hallId, seen.filter((request) => request.hallId === hallId).length);
    if (ending === 'broken') response.destroy();
    if (ending === 'refused') response.writeHead(503, { 'Retry-After': String(retryAfterSeconds) }).end('{}');
    if (typeof ending === 'number') response.writeHead(ending).end('{}');
    if (ending !== 'answered' && ending !== 'answer-lost') return;
    const operationId = accept(hallId, key);
    if (ending === 'answer-lost') response.destroy();
    else
      response.writeHead(202, { Location: `/seat-creations/${operationId}` }).end(JSON.stringify({ id: operationId }));
  }

  function answerLetters(cursor: string | null, response: ServerResponse): void {
    const first = letters.findIndex(({ id }) => id === cursor) + 1;
    const items = letters.slice(first, first + lettersPerPage);
    const hasMore = letters.length > first + lettersPerPage;
    response.end(JSON.stringify({ items, ...(hasMore && { nextCursor: items.at(-1)?.id }) }));
  }

  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://stand-in');
    const hallId = /^\/halls\/(\d+)\/seats$/.exec(pathname)?.[1];
    if (request.headers.authorization !== `Bearer ${standInToken}`) response.writeHead(401).end();
    else if (request.method === 'POST' && hallId !== undefined)
      answerSeats(Number(hallId), String(request.headers['idempotency-key']), response);
    else if (pathname === '/dead-letters') answerLetters(searchParams.get('cursor'), response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`not listening on a port but on ${address}`);
  const url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    seen,
    operations,
    letters,
    faultyHalls,
    left,
    stage: {
      apiToken: standInToken,
      apis: [apiNode(url)],
      queueLeft: () => Promise.resolve({ ...left }),
      database: {
        audit: {
          operations: () => Promise.resolve(new Map(operations)),
          doneCount: () => Promise.resolve([...operations.values()].filter(({ state }) => state === 'done').length),
          faultyHalls: (hallIds) => Promise.resolve(faultyHalls.filter(({ hallId }) => hallIds.includes(hallId))),
        },
      },
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function done(hallId: number): AuditedOperation {
  return { state: 'done', targetId: hallId, reason: null, failedAttempts: 0, endedAtMs: Date.now() };
}

/** Only what is asked of a node that runs. */
function apiNode(apiUrl: string): ServiceNode {
  const refuse = (): never => {
    throw new Error('the stand-in is no process');
  };
  return {
    name: 'stand-in',
    apiUrl,
    adminUrl: apiUrl,
    isRunning: () => true,
    get processId() {
      return refuse();
    },
    get process() {
      return refuse();
    },
    kill: refuse,
    stop: refuse,
    start: refuse,
    launch: refuse,
    freeze: refuse,
    thaw: refuse,
  };
}
