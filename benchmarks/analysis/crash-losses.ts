import type { Trial } from '../evidence/trials-schema.ts';

import { binomialUpperBound } from './binomial-bound.ts';

/**
 * What befell accepted jobs, by crash and by job. The unit is the crash: jobs that one crash takes are not independent
 * of each other, so the bound by job is printed beside it and decides nothing.
 *
 * A trial is settled once, after its last crash, so where it had several it is not known which of them did it. One at
 * least, and no more than there were crashes or jobs: `fewestCrashes` and `mostCrashes` are these two, summed over the
 * trials; with one crash a trial they are equal. The bound takes the most.
 */
export interface CrashLosses {
  readonly jobs: number;
  readonly fewestCrashes: number;
  readonly mostCrashes: number;
  readonly crashes: number;
  /** Upper, one-sided, 95 %; of the probability that a crash does it. */
  readonly boundByCrash: number;
  /** Upper, one-sided, 95 %; of the probability that it happens to an accepted job. */
  readonly boundByJob: number;
}

export function crashLosses(trials: readonly Trial[], jobsOf: (trial: Trial) => number): CrashLosses {
  const sum = (count: (trial: Trial) => number) => trials.reduce((total, trial) => total + count(trial), 0);
  const jobs = sum(jobsOf);
  const accepted = sum((trial) => trial.accepted);
  const crashes = sum(({ faults }) => faults);
  const mostCrashes = sum((trial) => Math.min(trial.faults, jobsOf(trial)));
  return {
    jobs,
    fewestCrashes: sum((trial) => Math.min(1, trial.faults, jobsOf(trial))),
    mostCrashes,
    crashes,
    boundByCrash: binomialUpperBound(mostCrashes, crashes),
    // A job can have several duplicates.
    boundByJob: binomialUpperBound(Math.min(jobs, accepted), accepted),
  };
}
