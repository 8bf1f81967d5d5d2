import type { BenchRequest } from './bench-request.ts';
import { benchTrials } from './bench-trials.ts';
import type { TrialExperiment } from './protocol/trial-experiment.ts';

const exportsFaultSuite = (module: unknown): module is { faultSuite: TrialExperiment } =>
  typeof module === 'object' && module !== null && 'faultSuite' in module;

async function loadFaultSuite(): Promise<TrialExperiment> {
  const file = './faults/fault-suite.ts';
  const module: unknown = await import(file);
  if (!exportsFaultSuite(module)) throw new Error(`${file} must export a const named faultSuite`);
  return module.faultSuite;
}

/** Runs the fault suite, or some rows of it: resolves to the folder with its evidence. */
export async function benchFaults(rows: readonly string[] | undefined, request: BenchRequest): Promise<string> {
  const faultSuite = await loadFaultSuite();
  const series = faultSuite.series.filter(({ id }) => rows === undefined || rows.includes(id));
  const command = [
    'make faults',
    ...(request.profile === 'full' ? ['LONG=1'] : []),
    ...(rows === undefined ? [] : [`ROWS="${rows.join(' ')}"`]),
    `DATABASE=${request.database}`,
  ];
  return benchTrials({ ...request, experiment: { ...faultSuite, series }, command: command.join(' ') });
}
