import { execFile } from 'node:child_process';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { Redis } from 'ioredis';
import { Client } from 'pg';

import type { RunningVariant } from '../environments/environment.ts';

/** As a superuser. */
export async function administer(database: RunningVariant['database'], sql: string): Promise<void> {
  if (database.engine !== 'postgres') throw new Error('the live lab runs on PostgreSQL');
  const client = new Client({ connectionString: database.adminConnectionString });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export async function withRedis<Result>(url: string, use: (redis: Redis) => Promise<Result>): Promise<Result> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** It is emptied about every millisecond. */
export async function whileEmptying<Result>(redis: Redis, slot: () => Promise<Result>): Promise<Result> {
  const over = new AbortController();
  const emptying = (async () => {
    while (!over.signal.aborted) {
      await redis.flushall('SYNC');
      await sleep(1);
    }
  })();
  // Awaited below; until then a rejection must not count as unhandled.
  emptying.catch(() => undefined);
  try {
    return await slot();
  } finally {
    over.abort();
    await emptying;
  }
}

const roomBytes = 100_000;

/** Room for a few pages as long as the slot runs; then for as much as before. */
export async function whileTooSmall<Result>(redis: Redis, slot: () => Promise<Result>): Promise<Result> {
  await redis.flushall('SYNC');
  const memory = await redis.info('memory');
  const bytes = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(memory)?.[1]);
  await redis.config('SET', 'maxmemory', bytes('used_memory') + roomBytes);
  try {
    return await slot();
  } finally {
    await redis.config('SET', 'maxmemory', bytes('maxmemory'));
  }
}

const foreignSecondsAtMost = 30;

/** A loop that is no child of the lab: the shell that started it has ended. */
export async function withForeignLoad<Result>(slot: () => Promise<Result>): Promise<Result> {
  const loop = `timeout ${foreignSecondsAtMost} sh -c 'while :; do :; done' >/dev/null 2>&1 & echo $!`;
  const { stdout } = await promisify(execFile)('sh', ['-c', loop]);
  try {
    return await slot();
  } finally {
    process.kill(Number(stdout), 'SIGTERM');
  }
}
