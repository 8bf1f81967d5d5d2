import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';

import {
  createVersionedPerformances,
  type VersionedPerformances,
} from '../../benchmarks/faults/cache-rows/versioned-performances.ts';
import { exchange } from '../../benchmarks/faults/cache-rows/http-exchange.ts';
import { addPoison, waitForLetters } from '../../benchmarks/faults/poison.ts';
import { openQueueInspection } from '../../benchmarks/faults/queue-inspection.ts';
import type { Stage } from '../../benchmarks/faults/stage.ts';
import type { LoadWindow } from './outcome.ts';

/** What the loads are done with. */
interface Bench {
  readonly stage: Stage;
  readonly performances: VersionedPerformances;
  /** Without seats yet; each is taken once. */
  readonly takeHalls: (count: number) => readonly number[];
  readonly hallWithSeats: number;
  readonly apiUrl: string;
  readonly agent: Agent;
  readonly signal: AbortSignal;
  /** Runs a load, and writes down when. */
  readonly during: (load: LoadWindow['load'], what: string, work: () => Promise<unknown>) => Promise<void>;
}

const seatsPerHall = 2_000;
const hallCount = 190;

/** Everything that moves a panel or makes an alert fire, one after the other; resolves to when each was. */
export async function runLoads(
  stage: Stage,
  { step, signal }: { readonly step: (text: string) => void; readonly signal: AbortSignal },
): Promise<readonly LoadWindow[]> {
  const windows: LoadWindow[] = [];
  step('content');
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const halls = [...(await stage.createHalls(hallCount, seatsPerHall))];
  const performances = await createVersionedPerformances(stage, 40);
  const apiUrl = stage.apis[0]?.apiUrl ?? '';
  const [hallWithSeats = 0] = halls.splice(0, 1);
  const bench: Bench = {
    stage,
    performances,
    takeHalls: (count) => halls.splice(0, count),
    hallWithSeats,
    apiUrl,
    agent,
    signal,
    async during(load, what, work) {
      signal.throwIfAborted();
      step(`${load}: ${what}`);
      const fromSeconds = Date.now() / 1_000;
      await work();
      windows.push({ load, what, fromSeconds, toSeconds: Date.now() / 1_000 });
    },
  };
  try {
    await createSeats(bench, [hallWithSeats]);
    await sleep(8_000, undefined, { signal });
    await quietly(bench);
    await underTraffic(bench);
    await withSeatCreations(bench);
    await withFrozenConsumer(bench);
    await withTroubleOfTheQueue(bench);
    await withoutDatabase(bench);
    return windows;
  } finally {
    performances.close();
    agent.destroy();
  }
}

/** By the clock, whatever the answers, each of which is waited for in the end. */
async function atRate(
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

async function get({ apiUrl, agent }: Bench, path: string): Promise<unknown> {
  return exchange({ method: 'GET', url: `${apiUrl}${path}`, agent, withinMs: 15_000 });
}

/** The list, its pages by genre, and details, in turn. */
function read(bench: Bench, index: number): Promise<unknown> {
  const { ids, genre } = bench.performances;
  const paths = [
    `/performances?limit=20&genre=${genre}`,
    '/performances?limit=10',
    `/performances/${ids[index % ids.length]}`,
  ];
  return get(bench, paths[index % paths.length] ?? '');
}

async function createSeats({ stage, apiUrl }: Bench, halls: readonly number[]): Promise<void> {
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

async function quietly(bench: Bench): Promise<void> {
  await bench.during('quiet', 'two reads a second', () =>
    atRate(bench, { perSecond: 2, seconds: 15 }, (index) => read(bench, index)),
  );
}

async function underTraffic(bench: Bench): Promise<void> {
  const { performances, apiUrl, agent } = bench;
  await bench.during('reads', '120 reads a second', () =>
    atRate(bench, { perSecond: 120, seconds: 15 }, (index) => read(bench, index)),
  );
  await bench.during('writes', '25 writes a second, each of which takes the list out of the cache', () =>
    atRate(bench, { perSecond: 25, seconds: 8 }, async (index) => {
      await performances.write(performances.ids[index % performances.ids.length] ?? 0, apiUrl);
      await read(bench, index);
    }),
  );
  await bench.during('malformed-requests', 'addresses that are not there, and bytes that are no HTTP', () =>
    atRate(bench, { perSecond: 10, seconds: 6 }, (index) =>
      index % 2 === 0
        ? sendGarbage(apiUrl)
        : exchange({ method: 'GET', url: `${apiUrl}/performances/none-${index}`, agent, withinMs: 5_000 }),
    ),
  );
}

async function sendGarbage(apiUrl: string): Promise<void> {
  const { hostname, port } = new URL(apiUrl);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.resume();
  socket.end('this is not HTTP\r\n\r\n');
  await once(socket, 'close');
}

async function withSeatCreations(bench: Bench): Promise<void> {
  await bench.during('seat-creation', `120 halls of ${seatsPerHall.toLocaleString('en')} seats in 12 seconds`, () =>
    atRate(bench, { perSecond: 10, seconds: 12 }, () => createSeats(bench, bench.takeHalls(1))),
  );
  await sleep(4_000, undefined, { signal: bench.signal });
}

/** A minute and more, as freshness is promised within one; the other outages happen meanwhile. */
async function withFrozenConsumer(bench: Bench): Promise<void> {
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
      // The one that wakes up first takes over what the other one holds.
      stage.workers.at(-1)?.thaw();
      await sleep(5_000, undefined, { signal: bench.signal });
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
      const release = await bench.stage.database.lock();
      try {
        await atRate(bench, { perSecond: 20, seconds: 12 }, (index) =>
          index % 2 === 0
            ? get(bench, `/halls/${bench.hallWithSeats}/seats?limit=10`)
            : get(bench, `/performances/${1_000_000 + index}`),
        );
      } finally {
        await release();
      }
    },
  );
}

async function withTroubleOfTheQueue(bench: Bench): Promise<void> {
  const { stage, signal } = bench;
  await bench.during('dead-letters', 'three entries that no job can come of', async () => {
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
  });
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

async function withoutDatabase(bench: Bench): Promise<void> {
  const { stage, signal } = bench;
  await bench.during('database-outage', 'PostgreSQL is killed for 8 seconds with 10 jobs to do', async () => {
    await stage.database.kill();
    try {
      await createSeats(bench, bench.takeHalls(10));
      await sleep(8_000, undefined, { signal });
    } finally {
      await stage.database.start();
    }
    await sleep(8_000, undefined, { signal });
  });
}
