import { once } from 'node:events';

import { parseSeatCreationConfig, readEnvironment } from './config.ts';
import { createRedisClient } from './redis/create-redis-client.ts';
import { runProgram } from './run-program.ts';
import { createDeadLetters } from './seat-creation/dead-letters.ts';
import { replayDeadLetter } from './seat-creation/replay-dead-letter.ts';
import type { DeadLetters } from './seat-creation/seat-creation-queue.ts';
import { createStreamPublisher } from './seat-creation/stream-publisher.ts';

const usage = 'usage: node service/src/replay-dead-letters.ts (--all | <id of a dead letter>…)';
const pageSize = 100;
const answerWithinMs = 5_000;

/** The ids of all letters that are there now: one that is written while they are replayed is not among them. */
async function listAll(deadLetters: DeadLetters): Promise<readonly string[]> {
  const ids: string[] = [];
  for (;;) {
    const page = await deadLetters.list({ after: ids.at(-1), limit: pageSize });
    if (page.length === 0) return ids;
    ids.push(...page.map(({ id }) => id));
  }
}

/** Each letter by itself: those that can't be replayed are named and stay, and the exit status says so. */
async function replay(deadLetters: DeadLetters, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    try {
      const operationId = await replayDeadLetter(deadLetters, id);
      console.log(JSON.stringify({ event: 'replayed', id, operationId }));
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    }
  }
}

/** `POST /dead-letters/{id}/replay` at a terminal, with the service's own configuration. */
async function main(args: readonly string[]): Promise<void> {
  if (args.length === 0 || (args.includes('--all') && args.length > 1)) throw new Error(usage);
  const seatCreation = parseSeatCreationConfig(readEnvironment());
  if (seatCreation.mode !== 'stream') throw new Error('there are dead letters only with SEAT_CREATION=stream');
  const { redisUrl: url, backlogLimit } = seatCreation;
  const say = (fields: unknown): void => console.error(JSON.stringify(fields));
  const logger = { info: () => undefined, warn: say, error: say };
  const client = createRedisClient({ role: 'publish', url, commandTimeoutMs: answerWithinMs, logger });
  try {
    await once(client, 'ready', { signal: AbortSignal.timeout(answerWithinMs) });
    const publisher = createStreamPublisher({ client, monotonicMs: () => performance.now(), logger, backlogLimit });
    const deadLetters = createDeadLetters(publisher, { backlogLimit });
    await replay(deadLetters, args[0] === '--all' ? await listAll(deadLetters) : args);
  } finally {
    client.disconnect();
  }
}

await runProgram(() => main(process.argv.slice(2)));
