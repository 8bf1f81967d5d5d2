import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import { Redis } from 'ioredis';

import { loadRedisScript } from '../../src/redis/redis-script.ts';
import { encodeJob } from '../../src/seat-creation/job.ts';
import {
  operationKey,
  operationPrefix,
  streamKey,
  targetKey,
  targetName,
} from '../../src/seat-creation/stream-keys.ts';
import { rememberedMs } from '../../src/seat-creation/stream-publisher.ts';

/**
 * The floor of accepting a seat creation: node:http, the service's own script with the arguments that the service
 * gives it, at `REDIS_QUEUE_URL` with a client of default settings, and 202 with the operation. It asks nobody who is
 * there, whether there is such a hall, and whether Redis keeps what it is told.
 */
const { REDIS_QUEUE_URL = '' } = process.env;
const client = new Redis(REDIS_QUEUE_URL);
const publish = loadRedisScript(new URL('../../src/seat-creation/publish.lua', import.meta.url));
const backlogLimit = 100_000;

async function accept(hallId: number): Promise<string> {
  const target = { kind: 'hall', id: hallId } as const;
  const operationId = randomUUID();
  const job = { operationId, target, acceptedAt: new Date().toISOString(), replays: 0, plannedSeats: 10 };
  const keys = [streamKey, operationKey(operationId), targetKey(target)];
  const values = [operationPrefix, operationId, encodeJob(job), targetName(target), backlogLimit];
  const reply = await publish(client, keys, [...values, rememberedMs, rememberedMs]);
  if (!Array.isArray(reply) || String(reply[0]) !== 'accepted') throw new Error(`not accepted: ${String(reply)}`);
  return operationId;
}

const server = createServer((request, response) => {
  const hallId = Number(/^\/halls\/(\d+)\/seats$/.exec(request.url ?? '')?.[1]);
  accept(hallId).then(
    (operationId) => {
      const body = JSON.stringify({ id: operationId });
      const headers = {
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': Buffer.byteLength(body),
        Location: `/seat-creations/${operationId}`,
      };
      response.writeHead(202, headers).end(body);
    },
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error(`no TCP address: ${String(address)}`);
  console.log(JSON.stringify({ event: 'listening', apiPort: address.port }));
});
