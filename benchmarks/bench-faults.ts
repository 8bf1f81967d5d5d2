import type { BenchRequest } from './bench-request.ts';
import { benchTrials } from './bench-trials.ts';
import { faultSuite } from './faults/fault-suite.ts';

/** The ids of the fault suite's rows, controls among them. */
export const faultRows = faultSuite.series.map(({ id }) => id);

/** Runs the fault suite, or some rows of it: resolves to the folder with its evidence. */
export function benchFaults(rows: readonly string[] | undefined, request: BenchRequest): Promise<string> {
  const series = faultSuite.series.filter(({ id }) => rows === undefined || rows.includes(id));
  const command = [
    'make faults',
    ...(request.profile === 'full' ? ['LONG=1'] : []),
    ...(rows === undefined ? [] : [`ROWS="${rows.join(' ')}"`]),
    `DATABASE=${request.database}`,
  ];
  return benchTrials({ ...request, experiment: { ...faultSuite, series }, command: command.join(' ') });
}
