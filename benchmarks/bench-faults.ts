import type { BenchRequest } from './bench-request.ts';
import { benchTrials } from './bench-trials.ts';
import { faultSuite, suites } from './faults/fault-suite.ts';

export const suiteNames = [...suites.keys()];
export const faultRows = faultSuite.series.map(({ id }) => id);

export interface ChosenFaults {
  readonly suite: string;
  /** Ids of its rows, controls among them; all when absent. */
  readonly rows?: readonly string[] | undefined;
}

/** Runs a fault suite, or some rows of it: resolves to the folder with its evidence. */
export async function benchFaults({ suite: name, rows }: ChosenFaults, request: BenchRequest): Promise<string> {
  const suite = suites.get(name);
  if (!suite) throw new Error(`there is no fault suite "${name}": there are ${suiteNames.join(', ')}`);
  const ids = suite.series.map(({ id }) => id);
  const unknown = rows?.filter((row) => !ids.includes(row)) ?? [];
  if (unknown.length > 0) throw new Error(`no row of ${name} is ${unknown.join(', ')}: its rows are ${ids.join(', ')}`);
  const series = suite.series.filter(({ id }) => rows === undefined || rows.includes(id));
  const command = [
    'make faults',
    ...(suite === faultSuite ? [] : [`SUITE=${name}`]),
    ...(request.profile === 'full' ? ['LONG=1'] : []),
    ...(rows === undefined ? [] : [`ROWS="${rows.join(' ')}"`]),
    `DATABASE=${request.database}`,
  ];
  return benchTrials({ ...request, experiment: { ...suite, series }, command: command.join(' ') });
}
