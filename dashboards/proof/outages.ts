import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { Client } from 'pg';
import { z } from 'zod';

import { exchange } from '../../benchmarks/faults/cache-rows/http-exchange.ts';
import { consumerOfWorker } from '../../benchmarks/faults/consumer-of-worker.ts';
import { addPoison, waitForLetters } from '../../benchmarks/faults/poison.ts';
import { openQueueInspection, queueKeys } from '../../benchmarks/faults/queue-inspection.ts';
import { atRate, type Bench, createSeats, get, read } from './bench.ts';

/** The survivor is scraped all the while: what it takes over is seen to be counted. */
export async function withKilledConsumer(bench: Bench): Promise<void> {
  const { stage, signal } = bench;
  await bench.during(
    'consumer-killed',
    'a worker is killed with jobs in its hands, and back after 8 seconds',
    async () => {
      await whileBothHaveJobs(bench, async () => stage.workers[0]?.kill());
      await sleep(8_000, undefined, { signal });
      await stage.workers[0]?.start();
    },
  );
}

/** The survivor finds that what it takes over is no longer there. */
export async function withDeletedWork(bench: Bench): Promise<void> {
  const { stage, signal } = bench;
  await bench.during(
    'work-deleted',
    'a worker is killed, and somebody deletes from the stream what it had in its hands',
    async () => {
      await whileBothHaveJobs(bench, () => killAndDeleteItsEntries(bench));
      await sleep(8_000, undefined, { signal });
      await stage.workers[0]?.start();
    },
  );
}

async function killAndDeleteItsEntries({ stage }: Bench): Promise<void> {
  const [worker] = stage.workers;
  if (!worker) throw new Error('the stage has no worker');
  const queue = await openQueueInspection(stage);
  try {
    const consumer = await consumerOfWorker(worker);
    await worker.kill();
    const held = (await queue.pending()).filter((entry) => entry.consumer === consumer);
    if (held.length === 0) throw new Error(`${consumer} had no entry that could be deleted`);
    await queue.client.xdel(queueKeys.stream, ...held.map(({ entryId }) => entryId));
  } finally {
    queue.close();
  }
}

/** Locked out of the table, the worker that got the first job gets no other: both have jobs in their hands. */
async function whileBothHaveJobs(bench: Bench, work: () => Promise<void>): Promise<void> {
  const release = await bench.stage.database.lock();
  try {
    for (const hall of bench.takeHalls(4)) await createSeats(bench, [hall]);
    await sleep(1_500, undefined, { signal: bench.signal });
    await work();
  } finally {
    await release();
  }
}

/** A minute and more, as freshness is promised within one; the other outages happen meanwhile. */
export async function withFrozenConsumers(bench: Bench): Promise<void> {
  const { stage } = bench;
  await bench.during('consumer-frozen', 'both workers are stopped with 20 jobs to do, for 66 seconds', async () => {
    // Locked out of the table both have jobs in their hands when they are stopped.
    const release = await stage.database.lock();
    await createSeats(bench, bench.takeHalls(10));
    await sleep(1_500, undefined, { signal: bench.signal });
    for (const worker of stage.workers) worker.freeze();
    await release();
    try {
      const thawAtMs = performance.now() + 66_000;
      await createSeats(bench, bench.takeHalls(10));
      await withoutCache(bench);
      await sleep(6_000, undefined, { signal: bench.signal });
      await withHeldPool(bench);
      await sleep(Math.max(0, thawAtMs - performance.now()), undefined, { signal: bench.signal });
      // The one that wakes up first takes over what the other one holds; locked out of the table until it is scraped, so
      // that what it counts is seen to rise.
      const releaseAgain = await stage.database.lock();
      try {
        stage.workers.at(-1)?.thaw();
        await sleep(2_500, undefined, { signal: bench.signal });
      } finally {
        await releaseAgain();
      }
      await sleep(3_500, undefined, { signal: bench.signal });
    } finally {
      for (const worker of stage.workers) worker.thaw();
    }
    await sleep(6_000, undefined, { signal: bench.signal });
  });
}

async function withoutCache(bench: Bench): Promise<void> {
  const { stage, performances, apiUrl } = bench;
  await bench.during(
    'cache-outage',
    'the Redis of the cache is killed under 60 reads and 2 writes a second',
    async () => {
      await stage.redisCache.kill();
      try {
        await atRate(bench, { perSecond: 60, seconds: 12 }, (index) =>
          index % 30 === 0
            ? performances.write(performances.ids[index % performances.ids.length] ?? 0, apiUrl)
            : read(bench, index),
        );
      } finally {
        await stage.redisCache.start();
      }
      // Misses and stores again.
      await atRate(bench, { perSecond: 60, seconds: 3 }, (index) => read(bench, index));
    },
  );
}

/** Reads of seats wait for a lock with a connection each, and keep it from everybody else. */
async function withHeldPool(bench: Bench): Promise<void> {
  await bench.during(
    'pool-held',
    'somebody locks the table of seats, and reads of seats hold every connection',
    async () => {
      const [hallWithSeats] = bench.takenHalls();
      const release = await bench.stage.database.lock();
      try {
        await atRate(bench, { perSecond: 20, seconds: 12 }, (index) =>
          index % 2 === 0
            ? get(bench, `/halls/${hallWithSeats}/seats?limit=10`)
            : get(bench, `/performances/${1_000_000 + index}`),
        );
      } finally {
        await release();
      }
    },
  );
}

export async function withTroubleOfTheQueue(bench: Bench): Promise<void> {
  const { stage, signal } = bench;
  await bench.during(
    'dead-letters',
    'three entries that no job can come of, and seats of a showtime before those of its hall',
    async () => {
      await createShowtimeSeats(bench);
      const queue = await openQueueInspection(stage);
      try {
        const poison = [
          await addPoison(queue, 'garbage'),
          await addPoison(queue, 'wrong schema'),
          await addPoison(queue, 'unknown hall'),
        ];
        await waitForLetters(queue, poison, { timeoutMs: 15_000, signal });
        await sleep(4_000, undefined, { signal });
      } finally {
        queue.close();
      }
    },
  );
  await bench.during('queue-not-durable', 'appendfsync everysec for 5 seconds', async () => {
    const redis = new Redis(stage.redisQueue.url);
    try {
      await redis.config('SET', 'appendfsync', 'everysec');
      await sleep(5_000, undefined, { signal });
      await redis.config('SET', 'appendfsync', 'always');
    } finally {
      redis.disconnect();
    }
  });
}

/** Tried again for some seconds, in which nobody creates the seats of the hall, and then given up. */
async function createShowtimeSeats({ stage, performances, apiUrl, agent }: Bench): Promise<void> {
  const { apiToken } = stage;
  const request = { agent, withinMs: 5_000 };
  const detail = await exchange({ ...request, method: 'GET', url: `${apiUrl}/performances/${performances.ids[0]}` });
  const [showtime] = detailSchema.parse(JSON.parse(detail?.body ?? 'null')).showtimes;
  const url = `${apiUrl}/showtimes/${showtime.id}/seats`;
  const answer = await exchange({ ...request, method: 'POST', url, apiToken });
  if (answer?.status !== 202) throw new Error(`POST ${url} was answered ${answer?.status}, not 202: ${answer?.body}`);
}

const detailSchema = z.object({ showtimes: z.tuple([z.object({ id: z.int() })], z.unknown()) });

/** With everything on disk before, so that recovery has nothing to read, and readers find nothing in memory after it. */
export async function withoutDatabase(bench: Bench): Promise<void> {
  const { stage, signal } = bench;
  await bench.during(
    'database-outage',
    'PostgreSQL is killed for 8 seconds with 10 jobs to do, and then seats are read that it has not in memory',
    async () => {
      await checkpoint(stage.database.url);
      await stage.database.kill();
      try {
        await createSeats(bench, bench.takeHalls(10));
        await sleep(8_000, undefined, { signal });
      } finally {
        await stage.database.start();
      }
      // Its exporter needs some seconds until it is back.
      await sleep(8_000, undefined, { signal });
      const halls = bench.takenHalls();
      await atRate(bench, { perSecond: 25, seconds: 4 }, (index) =>
        get(bench, `/halls/${halls[index % halls.length]}/seats?limit=10`),
      );
    },
  );
}

async function checkpoint(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    await client.query('checkpoint');
  } finally {
    await client.end();
  }
}
