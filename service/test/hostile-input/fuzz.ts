import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import * as fc from 'fast-check';
import { Redis } from 'ioredis';

import { hamlet, seatingPlan } from '../http/service-under-test.ts';
import { createAnswerCheck } from './answer-check.ts';
import { type ApiDocument, findOperation } from './documented-api.ts';
import { type FuzzedService, token } from './fuzzed-service.ts';
import { type HostileRequest, hostileRequest } from './hostile-requests.ts';
import { createRawConnection, type Exchange, type RawConnection, writeHead } from './raw-connection.ts';

export interface FuzzOptions {
  readonly cases: number;
  readonly seed: number;
  /** Of a case that fast-check has printed: where to begin. */
  readonly path?: string | undefined;
}

export interface FuzzResult {
  readonly cases: number;
  readonly seconds: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** `<operationId> <status>` of what was answered at least once. */
  readonly reached: ReadonlySet<string>;
  /** The longest that `/livez` took while the cases ran, without what this process has kept it waiting. */
  readonly slowestLivezMs: number;
  /** What the last two thirds of the cases have left in memory. */
  readonly growthBytes: number;
}

const longestMs = 4_000;
const answerTimeoutMs = 8_000;
const livezEveryMs = 50;

/**
 * Sends hostile requests one after the other to a service that `prepare` has put something into. Rejects at the first
 * whose answer is not as it must be, with the smallest such request that was found.
 */
export async function fuzz(
  service: FuzzedService,
  document: ApiDocument,
  { cases, seed, path }: FuzzOptions,
): Promise<FuzzResult> {
  const check = createAnswerCheck({ document, secrets: [token], longestMs });
  const connection = createRawConnection(service.apiPort, answerTimeoutMs);
  const byStatus: Record<string, number> = {};
  const reached = new Set<string>();
  const startedMs = performance.now();
  const livez = watchLivez(service.adminPort);
  const warmUp = Math.floor(cases / 3);
  let sent = 0;
  let warmBytes = 0;
  const checkAndCount = (request: HostileRequest, exchange: Exchange): readonly string[] => {
    const { status } = exchange.answers[0] ?? { status: 'none' };
    byStatus[status] = (byStatus[status] ?? 0) + 1;
    reached.add(`${findOperation(document, request)?.operationId} ${status}`);
    return check(request, exchange);
  };
  try {
    const property = fc.asyncProperty(hostileRequest(document, token), async (request) => {
      if (sent++ === warmUp) warmBytes = await service.retainedBytes();
      await sendOne(connection, request, (exchange) => checkAndCount(request, exchange));
    });
    await fc.assert(property, { numRuns: cases, seed, ...(path !== undefined && { path }) });
    const seconds = (performance.now() - startedMs) / 1000;
    const growthBytes = (await service.retainedBytes()) - warmBytes;
    return { cases: sent, seconds, byStatus, reached, slowestLivezMs: await livez.stop(), growthBytes };
  } finally {
    await livez.stop();
    connection.close();
  }
}

export async function readDocument(apiPort: number): Promise<ApiDocument> {
  const response = await fetch(`http://127.0.0.1:${apiPort}/openapi.json`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- openapi.test.ts holds it to the schema of OpenAPI
  return (await response.json()) as ApiDocument;
}

const things = 6;

/** Some of everything, so that ids from 1 to 6 name something, and a dead letter. */
export async function prepare({ apiPort, queueUrl }: FuzzedService): Promise<void> {
  const post = async (path: string, body: object): Promise<void> => {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const url = `http://127.0.0.1:${apiPort}${path}`;
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    if (response.status !== 201) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  };
  for (let id = 1; id <= things; id++) {
    await post('/venues', { name: `Venue ${id}`, city: 'Seoul' });
    await post(`/venues/${id}/halls`, { name: 'Main hall', seatingPlan });
    await post('/performances', hamlet);
    await post(`/performances/${id}/showtimes`, { hallId: id, startsAt: '2999-01-01T00:00:00Z' });
  }
  const job = {
    operationId: '00000000-0000-4000-8000-000000000001',
    target: { kind: 'hall', id: 999_999 },
    acceptedAt: '2026-11-23T10:00:00.000Z',
    replays: 0,
  };
  const fields = {
    reason: 'hall-not-found',
    message: 'no hall',
    'failed-at': job.acceptedAt,
    attempts: 1,
    deliveries: 1,
  };
  const queue = new Redis(queueUrl);
  await queue.xadd('seat-creation:dead', '2-1', ...Object.entries(fields).flat(), 'job', JSON.stringify(job));
  queue.disconnect();
}

async function sendOne(
  connection: RawConnection,
  request: HostileRequest,
  check: (exchange: Exchange) => readonly string[],
): Promise<void> {
  const problems = await connection.exchange(request).then(check, (error: unknown) => [String(error)]);
  if (problems.length > 0) throw new Error(`${problems.join('\n')}\nin answer to\n${describeRequest(request)}`);
}

const longestText = 2_000;

function describeRequest(request: HostileRequest): string {
  const { framing, made, body } = request;
  const text = `${writeHead(request).toString('latin1')}${body?.toString() ?? ''}`;
  const cut = text.length > longestText ? `${text.slice(0, longestText)}… ${text.length} characters` : text;
  return `${cut}\n(framing: ${framing}, body: ${made})`;
}

/** Asks over and over; `stop` resolves with the longest that an answer took. */
function watchLivez(adminPort: number): { stop(): Promise<number> } {
  const ending = new AbortController();
  const ownDelay = monitorEventLoopDelay({ resolution: 5 });
  const watch = async (): Promise<number> => {
    let slowestMs = 0;
    ownDelay.enable();
    while (!ending.signal.aborted) {
      ownDelay.reset();
      const startedMs = performance.now();
      // A process that has ended gives no answers either, which is what the cases see.
      await fetch(`http://127.0.0.1:${adminPort}/livez`).then(
        (response) => response.arrayBuffer(),
        () => undefined,
      );
      slowestMs = Math.max(slowestMs, performance.now() - startedMs - ownDelay.max / 1e6);
      await sleep(livezEveryMs);
    }
    ownDelay.disable();
    return slowestMs;
  };
  const watched = watch();
  return {
    stop() {
      ending.abort();
      return watched;
    },
  };
}
