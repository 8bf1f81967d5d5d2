import type { TrialOutcome } from '../protocol/trial-experiment.ts';

/** Of what is expected: a busy machine is no reason to fail, and the real figure is printed. */
const slack = 5;

/** What took longer than it may, in words; the trial's own figures are in its `recoverySeconds`. */
export function lateRecoveries(
  recoverySeconds: readonly number[],
  { faults, expectedSeconds }: { readonly faults: number; readonly expectedSeconds: number },
): string[] {
  const boundSeconds = slack * expectedSeconds;
  const late = recoverySeconds.filter((seconds) => seconds > boundSeconds);
  const never = faults - recoverySeconds.length;
  return [
    ...late.map(
      (seconds) => `recovered after ${seconds.toFixed(1)} s: expected ${expectedSeconds} s, bound ${boundSeconds} s`,
    ),
    ...(never > 0 ? [`${never} of ${faults} faults were never recovered from`] : []),
  ];
}

/** A fault that met no work is not counted and comes again, unless something is wrong all the same. */
export function provesSomething(outcome: Pick<TrialOutcome, 'inFlight' | 'lost' | 'duplicates' | 'problems'>): boolean {
  return outcome.inFlight > 0 || outcome.lost > 0 || outcome.duplicates > 0 || outcome.problems.length > 0;
}

/** How long a row has to look before "never" may be said. */
export function longestRecoveryMs(expectedSeconds: number): number {
  return 1_000 * slack * expectedSeconds;
}
