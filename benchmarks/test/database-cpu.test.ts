import { beforeAll, describe, expect, it } from 'vitest';

import { calibratePostgres, calibrateSqlite, withSmallVariant } from '../selftest/calibrate-engines.ts';
import { type CpuCalibration, objectionsTo, shareOff } from '../selftest/cpu-calibration.ts';

/** What is said of a probe that reads so many times what ours did. */
const objectionsToScaled = ({ read, idle, ...rest }: CpuCalibration, factor: number): readonly string[] => {
  const scaled = (of: CpuCalibration['read']) => ({ scaled: factor * (of['database_cpu_seconds'] ?? Number.NaN) });
  return objectionsTo({ ...rest, read: scaled(read), idle: scaled(idle) }, ['scaled']);
};

describe.each([
  {
    engine: 'PostgreSQL',
    calibrate: () => withSmallVariant('postgres', { PERFORMANCE_CACHE: 'off' }, calibratePostgres),
    control: 'blind',
  },
  { engine: 'SQLite', calibrate: calibrateSqlite, control: 'wholeProcess' },
])('the CPU time of $engine', ({ engine, calibrate, control }) => {
  let calibration: CpuCalibration;

  beforeAll(async () => {
    calibration = await calibrate();
    console.info(`${engine}: ${JSON.stringify(calibration)}`);
  });

  it('is within 2 % of what getrusage told those who used it', () => {
    expect(calibration.known).toBeGreaterThan(1);
    expect(objectionsTo(calibration)).toEqual([]);
  });

  it('control: a probe that misses processes that ended, or counts threads of others, is seen to be off', () => {
    expect(Math.abs(shareOff(calibration, control))).toBeGreaterThan(0.05);
    expect(objectionsTo(calibration, [control])).toEqual([expect.stringMatching(/ is off by /)]);
  });

  it.each([0.97, 1.03])('control: a probe that reads %s times as much is seen to be off', (factor) => {
    expect(objectionsToScaled(calibration, factor)).toEqual([expect.stringMatching(/^scaled is off by/)]);
  });
});
