import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { exchange } from '../../benchmarks/faults/cache-rows/http-exchange.ts';
import { withAdmin } from '../../benchmarks/faults/cache-rows/redis-faults.ts';
import { atRate, type Bench, createSeats, read, seatsPerHall } from './bench.ts';

export async function quietly(bench: Bench): Promise<void> {
  await bench.during('quiet', 'two reads a second', () =>
    atRate(bench, { perSecond: 2, seconds: 15 }, (index) => read(bench, index)),
  );
}

export async function underTraffic(bench: Bench): Promise<void> {
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

/** Evicted is what it holds, and then refused what is to be stored. */
export async function withFullCache(bench: Bench): Promise<void> {
  await bench.during(
    'cache-full',
    'the Redis of the cache may hold nothing for 5 seconds, under 60 reads a second',
    () =>
      withAdmin(bench.stage, async (admin) => {
        const reads = { perSecond: 60, seconds: 2 };
        await atRate(bench, reads, (index) => read(bench, index));
        await admin.config('SET', 'maxmemory', '1');
        try {
          await atRate(bench, { ...reads, seconds: 5 }, (index) => read(bench, index));
        } finally {
          await admin.config('SET', 'maxmemory', '64mb');
        }
      }),
  );
}

export async function withSeatCreations(bench: Bench): Promise<void> {
  await bench.during('seat-creation', `120 halls of ${seatsPerHall.toLocaleString('en')} seats in 12 seconds`, () =>
    atRate(bench, { perSecond: 10, seconds: 12 }, () => createSeats(bench, bench.takeHalls(1))),
  );
  await sleep(4_000, undefined, { signal: bench.signal });
}
