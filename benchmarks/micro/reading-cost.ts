import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';
import { z } from 'zod';

import type { RunningVariant } from '../environments/environment.ts';
import { openProbes, type VariantProbes, type VariantReading } from '../probes/variant-probes.ts';
import type { ReadingCost } from './probe-figures.ts';

const readings = 50;

/**
 * What one reading of all counters costs, as the mean of 50 in a row: a slot has two of them, at the edges of its window.
 * What the parts use by themselves is measured in a pause of the same length, and taken off.
 */
export async function measureReadingCost(variant: RunningVariant): Promise<ReadingCost> {
  // In the place of the generator, which the probes want to see.
  const generator = spawn('sleep', ['60'], { stdio: 'ignore' });
  const probes = await openProbes(variant, generator.pid ?? 0);
  try {
    const statementsBefore = await labStatements(variant);
    const from = await readAtOnce(probes);
    for (let done = 0; done < readings; done += 1) await probes.read();
    const to = await readAtOnce(probes);
    const statements = (await labStatements(variant)) - statementsBefore;
    const elapsedSeconds = to.reading.monotonicSeconds - from.reading.monotonicSeconds;
    await sleep(1000 * elapsedSeconds);
    const rested = await readAtOnce(probes);
    const perReading = (metric: string): number => (grown(from, to, metric) - grown(to, rested, metric)) / readings;
    return {
      engine: variant.database.engine,
      elapsedSeconds: elapsedSeconds / (readings + 1),
      labCpuSeconds: (to.ownCpuSeconds - from.ownCpuSeconds - (rested.ownCpuSeconds - to.ownCpuSeconds)) / readings,
      databaseCpuSeconds: perReading('database_cpu_seconds'),
      serviceCpuSeconds: perReading('service_cpu_seconds'),
      redisCacheCpuSeconds: perReading('redis_cache_cpu_seconds'),
      statements: statements / (readings + 2),
    };
  } finally {
    await probes.close();
    generator.kill();
    await once(generator, 'exit');
  }
}

interface TimedReading {
  readonly reading: VariantReading;
  /** Of this process, when the reading began. */
  readonly ownCpuSeconds: number;
}

async function readAtOnce(probes: Pick<VariantProbes, 'read'>): Promise<TimedReading> {
  const { user, system } = process.cpuUsage();
  return { reading: await probes.read(), ownCpuSeconds: (user + system) / 1e6 };
}

function grown(earlier: TimedReading, later: TimedReading, metric: string): number {
  const [before, after] = [earlier, later].map(({ reading }) =>
    reading.readings.map(({ counters }) => counters[metric]).find((value) => value !== undefined),
  );
  if (before === undefined || after === undefined) throw new Error(`the probes have not read ${metric}`);
  return after - before;
}

const statementsQuery = `SELECT coalesce(sum(calls), 0) AS calls FROM pg_stat_statements(showtext => false)
  WHERE userid = (SELECT oid FROM pg_roles WHERE rolname = current_user)
    AND queryid <> (SELECT query_id FROM pg_stat_activity WHERE pid = pg_backend_pid())`;

/** Executed by the lab's own role so far, without these questions; 0 where there is no server to ask. */
async function labStatements({ database }: RunningVariant): Promise<number> {
  if (database.engine !== 'postgres') return 0;
  const client = new Client({ connectionString: database.adminConnectionString });
  await client.connect();
  try {
    const { rows } = await client.query(statementsQuery);
    return z.object({ calls: z.coerce.number() }).parse(rows[0]).calls;
  } finally {
    await client.end();
  }
}
