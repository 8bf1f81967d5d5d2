import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { RunningVariant } from '../environments/environment.ts';
import { createProcessesEnvironment } from '../environments/processes.ts';
import { cpuSecondsFromStat, createCpuMeter, createThreadClock } from '../probes/process-cpu.ts';
import { descendants, type ProcessTable, readProcessTable } from '../probes/process-table.ts';
import { openBurnInPostgres } from './burn-in-postgres.ts';
import { configurationOfBurnInSqlite, openBurnInSqlite } from './burn-in-sqlite.ts';
import { calibrateDatabaseCpu } from './calibrate-database-cpu.ts';
import type { CpuCalibration } from './cpu-calibration.ts';

/** A small database in an environment that comes and goes. */
export async function withSmallVariant<Result>(
  database: 'postgres' | 'sqlite',
  configuration: Readonly<Record<string, string>>,
  use: (variant: RunningVariant) => Promise<Result>,
): Promise<Result> {
  const environment = createProcessesEnvironment();
  try {
    const [variant] = await environment.up({
      database,
      variants: [{ id: 'before', configuration }],
      seed: { performances: 50, randomSeed: 1, relativeTo: new Date().toISOString() },
      onStep: () => undefined,
    });
    if (variant === undefined) throw new Error('the environment came up without a variant');
    return await use(variant);
  } finally {
    await environment.down();
  }
}

/** Read by all probes, and as a control by `blind`, which knows nothing of processes that have ended. */
export async function calibratePostgres({ id, database, ...variant }: RunningVariant): Promise<CpuCalibration> {
  const root = variant.parts.find(({ name }) => name === 'database')?.rootProcessId;
  if (database.engine !== 'postgres' || root === undefined) throw new Error(`${id} has no PostgreSQL`);
  const meter = createCpuMeter((table) => descendants(table, root), createThreadClock());
  const burn = await openBurnInPostgres(database.adminConnectionString);
  try {
    return await calibrateDatabaseCpu({ id, database, ...variant }, burn, () =>
      Promise.resolve({ blind: meter.read(withoutEnded(readProcessTable())) }),
    );
  } finally {
    await burn.close();
  }
}

function withoutEnded(table: ProcessTable): ProcessTable {
  return new Map(Array.from(table, ([id, entry]) => [id, { ...entry, reapedTicks: 0 }]));
}

/** Of a service of its own. Read by all probes, and as a control by `wholeProcess`, which tells no thread from another. */
export async function calibrateSqlite(): Promise<CpuCalibration> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'burn-in-sqlite-'));
  const file = join(folder.path, 'clocks');
  return await withSmallVariant('sqlite', configurationOfBurnInSqlite(file), async (variant) => {
    const service = variant.parts.find(({ name }) => name === 'service')?.rootProcessId ?? 0;
    const meter = createCpuMeter(() => [service], cpuSecondsFromStat);
    return await calibrateDatabaseCpu(variant, await openBurnInSqlite(variant, file), () =>
      Promise.resolve({ wholeProcess: meter.read(readProcessTable()) }),
    );
  });
}
