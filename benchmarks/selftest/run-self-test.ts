import { createScratch } from '../environments/scratch.ts';
import { openWorkTrees } from '../gate-run/work-trees.ts';
import type { ProgressOutput } from '../toolchain/progress.ts';
import { createProgress } from '../protocol/progress.ts';
import { liveCpuCases } from './live-cpu.ts';
import { type LiveLab, openLiveLab } from './live-lab.ts';
import { liveMutationCases } from './live-mutations.ts';
import { mutatedSampleCases } from './mutated-samples.ts';
import { plantedChangeCases } from './planted-changes.ts';
import { runCase, type SelfTestCase, type SelfTestOutcome } from './self-test-case.ts';
import { tamperedFileCases } from './tampered-files.ts';
import { wrongServiceCases } from './wrong-service.ts';

/** Everything that is planted to see whether the lab notices. To add cases, add their list. */
export const selfTestCases: readonly SelfTestCase[] = [
  ...plantedChangeCases,
  ...mutatedSampleCases,
  ...tamperedFileCases,
  ...wrongServiceCases,
  ...liveCpuCases,
  ...liveMutationCases,
];

export interface SelfTestRequest {
  readonly cases: readonly SelfTestCase[];
  readonly output: ProgressOutput;
  readonly signal: AbortSignal;
}

/** Each case in turn, on a work tree of HEAD; prints a line for each, and resolves to what came of them. */
export async function runSelfTest({ cases, output, signal }: SelfTestRequest): Promise<readonly SelfTestOutcome[]> {
  const progress = createProgress(output);
  const scratch = await createScratch({ keep: false });
  const trees = await openWorkTrees(scratch.path, (step) => progress.step(step));
  const outcomes: SelfTestOutcome[] = [];
  let lab: Promise<LiveLab> | undefined;
  try {
    const { path: sources } = await trees.checkOut('self-test', 'HEAD');
    for (const testCase of cases) {
      const onStep = (step: string): void => progress.step(`${testCase.name} · ${step}`);
      const openLab = () => (lab ??= openLiveLab({ sources, scratch, onStep, signal }));
      const outcome = await runCase(testCase, { sources, onStep, signal, lab: openLab });
      outcomes.push(outcome);
      progress.note(describeOutcome(outcome));
    }
    return outcomes;
  } finally {
    progress.close();
    await lab?.then(
      (open) => open.close(),
      () => undefined,
    );
    await trees.remove();
    await scratch.remove();
  }
}

function describeOutcome({ name, caught, said, seconds }: SelfTestOutcome): string {
  return `${caught ? '✓' : '✗ NOT CAUGHT:'} ${name} (${seconds.toFixed(0)} s)\n    ${said}`;
}
