import process from 'node:process';

import { readCommit, takeFingerprint } from '../evidence/fingerprint.ts';
import { calibratePostgres, calibrateSqlite, withSmallVariant } from '../selftest/calibrate-engines.ts';
import { requireTool } from '../toolchain/require-tool.ts';
import type { MicroContext, MicroFigure } from './micro-figure.ts';
import type { ProbeFigures } from './probe-figures.ts';
import { describeCalibrations, describeCost } from './probe-tables.ts';
import { measureReadingCost } from './reading-cost.ts';

/** Every round of a known burn and of the cost of a reading, on both engines. */
export async function measureProbes({ rounds, signal, step }: MicroContext): Promise<ProbeFigures> {
  const calibrations: ProbeFigures['calibrations'] = [];
  const readings: ProbeFigures['readings'] = [];
  const configuration = { PERFORMANCE_CACHE: 'look-aside' };
  await withSmallVariant('postgres', configuration, async (variant) => {
    for (let round = 1; round <= rounds; round += 1) {
      signal.throwIfAborted();
      step(`PostgreSQL, round ${round} of ${rounds}`);
      calibrations.push({ engine: 'postgres', ...(await calibratePostgres(variant)) });
      readings.push(await measureReadingCost(variant));
    }
  });
  await withSmallVariant('sqlite', configuration, async (variant) => {
    for (let round = 1; round <= rounds; round += 1) {
      signal.throwIfAborted();
      step(`SQLite, round ${round} of ${rounds}`);
      readings.push(await measureReadingCost(variant));
      calibrations.push({ engine: 'sqlite', ...(await calibrateSqlite()) });
    }
  });
  const binaries = [
    await requireTool('postgres', step),
    await requireTool('redis-server', step),
    { name: 'node', version: process.version, path: process.execPath },
  ];
  const { commit } = await readCommit();
  return {
    measuredAt: new Date().toISOString(),
    commit,
    fingerprint: await takeFingerprint(binaries),
    calibrations,
    readings,
  };
}

/** How right the database's CPU is read, and what the reading of all counters costs. */
export const probes: MicroFigure = {
  id: 'probes',
  async measure(context) {
    const figures = await measureProbes(context);
    return [describeCalibrations(figures), describeCost(figures)].join('\n\n');
  },
};
