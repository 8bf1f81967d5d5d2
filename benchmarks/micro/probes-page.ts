import type { ProbeFigures } from './probe-figures.ts';
import { costShares, describeCalibrations, describeCost, whoBurned } from './probe-tables.ts';
import {
  type CountedEvidence,
  discardedInWords,
  gateTripsInWords,
  tripsByGuard,
  tripsByRole,
  tripsInWords,
} from './trip-tables.ts';

/** reports/probes/README.md: the same for the same evidence. */
export function probesPage(figures: ProbeFigures, evidence: CountedEvidence): string {
  const { cores, cpuModel, kernel, hypervisor } = figures.fingerprint;
  return `# What the probes read, what they cost, and how often guards trip

Measured ${figures.measuredAt.slice(0, 10)} at commit ${figures.commit.slice(0, 12)} on ${cores} × ${cpuModel}, ${kernel}, hypervisor: ${hypervisor}.
\`make probe-figures\` measures the first two again, \`make docs\` counts the third again from all published evidence;
every round is in [figures.json](figures.json).

## A known burn of CPU

What processes and threads of the database say of themselves by getrusage(2), against what the probes of the lab read in
the same window from outside. Of both is taken off what they were in a window of the same length in which the same
processes came and went and burned nothing; the last column is that of the probe. Allowed are 2 % for the first source;
the second counts each process in steps of 10 ms, and may be off by 50 ms. Median and range of the rounds.

${describeCalibrations(figures)}

- PostgreSQL: ${whoBurned(figures, 'postgres')}.
- SQLite: ${whoBurned(figures, 'sqlite')}. The first source is the threads' own clock by way of the service's metrics:
  this holds the way, not the clock. The second is the kernel's, from outside.

## What the probes cost

One reading of all counters of a variant: the process table and clocks from /proc, the metrics page of the service, INFO
of Redis, and on PostgreSQL one statement. A slot has two, at the edges of its window. Median and range of the rounds,
of which each is the mean of 50 readings.

${describeCost(figures)}

What the two readings of a slot add to its database, held against what the database used in a slot that was published:

${costShares(figures, evidence.runs)}

## How often guards trip in healthy slots

Slots of all published runs in blocks, none of which was hurt on purpose, and in how many a guard did not hold. Runs
that were thrown away before they were published are not here, so that these are too few by as many. The bound is Clopper
and Pearson's at 95 %, one-sided; it takes slots for independent, which those of one run are not quite.

${tripsByRole(evidence)}

${tripsInWords(evidence)}

A slot that foreign load disturbs is run again, three times at most, without a look at its result: ${discardedInWords(evidence)}.

### By guard

Slots in which the guard did not hold, of those in which it was judged.

${tripsByGuard(evidence)}

${gateTripsInWords(evidence)}
`;
}
