import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createSeededRandom } from '../analysis/seeded-random.ts';
import { type RedisServer, startRedisServer } from '../environments/redis-server.ts';
import type { SupervisedProcess } from '../environments/supervised-process.ts';
import { consumerOfWorker } from '../faults/consumer-of-worker.ts';
import { type KillStorm, runKillStorm, type StormDamage } from '../faults/kill-storm.ts';
import { lateRecoveries } from '../faults/late-recoveries.ts';
import { openQueueInspection, type QueueInspection, queueKeys } from '../faults/queue-inspection.ts';
import type { ServiceNode } from '../faults/stage.ts';
import { untilPong } from '../faults/until-pong.ts';
import type { TrialContext } from '../protocol/trial-experiment.ts';

const { stream, group } = queueKeys;
const signal = new AbortController().signal;

let directory: string;
let redis: RedisServer;
let inspection: QueueInspection;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kill-storm-test-'));
  redis = await startRedisServer({ role: 'queue', directory });
  inspection = await openQueueInspection({ redisQueue: { url: redis.url } });
});
afterAll(async () => {
  inspection.close();
  await redis.stop();
  await rm(directory, { recursive: true });
});

interface StandInWorker extends ServiceNode {
  kills: number;
}

/** A worker that does nothing but write who it is: at each start another consumer. */
function standInWorker(number: number, onKill: () => Promise<void> = () => Promise.resolve()): StandInWorker {
  const refuse = (): never => {
    throw new Error('the stand-in is no process');
  };
  const worker = {
    name: `worker-${number}`,
    apiUrl: undefined,
    adminUrl: '',
    kills: 0,
    processId: 0,
    isRunning: () => true,
    get process(): SupervisedProcess {
      const slot = number + 10 * worker.kills;
      const log = `{"event":"listening"}\n{"event":"seat-creation-consumer","slot":${slot}}\n{"event":"seat-cre`;
      return {
        name,
        processId: 0,
        ended: Promise.resolve(''),
        hasEnded: () => false,
        log: async () => log,
        stop: refuse,
      };
    },
    async kill() {
      worker.kills += 1;
      await onKill();
    },
    launch: () => Promise.resolve(),
    start: refuse,
    stop: refuse,
    freeze: refuse,
    thaw: refuse,
  };
  const { name } = worker;
  return worker;
}

/** Entries that are pending for this consumer. */
async function hand(consumer: string, count: number): Promise<void> {
  for (let entry = 0; entry < count; entry += 1) await inspection.addEntry({ job: 'x' });
  if (count > 0) await inspection.client.xreadgroup('GROUP', group, consumer, 'COUNT', count, 'STREAMS', stream, '>');
}

async function settleAll(): Promise<void> {
  const ids = (await inspection.pending()).map(({ entryId }) => entryId);
  await inspection.client.xack(stream, group, ...ids);
  await inspection.client.xdel(stream, ...ids);
}

const pauseMs = { from: 1, to: 2 };

function storm(workers: readonly ServiceNode[], changes: Partial<KillStorm> = {}): Promise<StormDamage> {
  const context: TrialContext = { trial: 1, random: createSeededRandom(1), step: () => undefined, signal };
  return runKillStorm(
    { workers },
    { storm: { kills: 1, pauseMs, settledWithinMs: 5_000, ...changes }, inspection, context, isLoadOver: () => true },
  );
}

describe('a storm of kills', () => {
  beforeEach(async () => {
    await inspection.client.flushall();
    await inspection.client.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
  });

  it('kills who has work in hand, counts it, and waits until that is settled', async () => {
    await hand('worker-2', 7);
    const [idle, busy] = [standInWorker(1), standInWorker(2)];
    const { recoveries, ...damage } = await storm([idle, busy]);
    expect([idle.kills, busy.kills]).toEqual([0, 1]);
    expect(damage).toEqual({ faults: 1, idleFaults: 0, inFlight: 7 });
    await sleep(300);
    await settleAll();
    const [seconds] = await Promise.all(recoveries);
    expect(seconds).toBeGreaterThan(0.29);
    expect(seconds).toBeLessThan(3);
  });

  it('says of what is never settled that it is not, and not when', async () => {
    await hand('worker-1', 2);
    const { recoveries } = await storm([standInWorker(1)], { settledWithinMs: 200 });
    expect(await Promise.all(recoveries)).toEqual([undefined]);
  });

  it('does not count a kill that met nothing', async () => {
    await hand('worker-1', 3);
    const { recoveries, ...damage } = await storm([standInWorker(1, settleAll)]);
    expect(damage).toEqual({ faults: 0, idleFaults: 1, inFlight: 0 });
    expect(recoveries).toEqual([]);
  });

  it('chooses among the busy ones by the random numbers of the trial, and ends when all work is done', async () => {
    await hand('worker-1', 1);
    await hand('worker-2', 1);
    await hand('worker-3', 1);
    const workers = [1, 2, 3].map((number) => standInWorker(number));
    const { faults } = await storm(workers, { kills: 3 });
    expect(faults).toBe(3);
    expect(workers.map(({ kills }) => kills)).toEqual([1, 1, 1]);
    await settleAll();
    expect(await storm(workers, { kills: 3 })).toMatchObject({ faults: 0, idleFaults: 0 });
  });
});

it('the consumer of a worker is the last whole line of its log that says so', async () => {
  const worker = standInWorker(4);
  expect(await consumerOfWorker(worker)).toBe('worker-4');
  await worker.kill();
  expect(await consumerOfWorker(worker)).toBe('worker-14');
});

describe('recoveries', () => {
  it('are late when they take more than five times what is expected, or never come', () => {
    const expected = { faults: 3, expectedSeconds: 2 };
    expect(lateRecoveries([0.1, 2, 9.9], expected)).toEqual([]);
    expect(lateRecoveries([0.1, 10.1], expected)).toEqual([
      'recovered after 10.1 s: expected 2 s, bound 10 s',
      '1 of 3 faults were never recovered from',
    ]);
  });
});

it('PONG is waited for while a server is away, silent, or loads its files', async () => {
  const answers = ['-LOADING Redis is loading the dataset in memory\r\n', '', '+PONG\r\n'];
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data: Buffer) => {
      asked.push(data.toString());
      const answer = answers[asked.length - 1];
      if (answer) socket.write(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`not listening on a port but on ${address}`);
  await new Promise((resolve) => server.close(resolve));
  const pong = untilPong(address.port, signal);
  await sleep(50);
  await new Promise<void>((resolve) => server.listen(address.port, '127.0.0.1', resolve));
  await pong;
  expect(asked).toEqual(['PING\r\n', 'PING\r\n', 'PING\r\n']);
  server.close();
});
