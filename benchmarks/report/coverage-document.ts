import { bootstrapCoverage, noises, signedRankConfidence, signedRankCoverage } from '../analysis/interval-coverage.ts';
import type { Coverage } from '../analysis/interval-coverage.ts';
import { formatConfidence, formatNumber } from './formats.ts';
import { rowsText } from './markdown-report.ts';

const seed = 20_261_123;
const blockCounts = [6, 10, 12] as const;
const signedRankRuns = 10_000;
const bootstrapRuns = 500;

/** How often the intervals of the reports hold what they are about, simulated under noise of several kinds. */
export function coverageDocument(): string {
  return `# How often the intervals hold

An interval that is called 95 % has to hold what it is about in 95 of 100 runs, also when blocks are noisier than a
normal distribution. Here runs are simulated whose truth is known; a cell is the share of them whose interval held it.
Seed ${seed}; \`make docs\` draws the same runs again. The noise: Student's t with 3
degrees of freedom has its worst block in a hundred more than twice as far out as the normal distribution; the
exponential distribution is lopsided; the log-logistic one with shape 3 is lopsided with a tail as heavy as t's.

## The exact signed-rank interval, which verdicts stand on

Held against the pseudo-median (the median of the mean of two draws), which the Hodges-Lehmann estimate is about.
${formatNumber(signedRankRuns)} runs a cell: ${plusMinus(signedRankRuns)} points to either side are chance (95 %).

${table(signedRankRuns, signedRankCoverage, (blocks) => `, theory ${formatConfidence(signedRankConfidence(blocks))}`)}

Under symmetric noise, however heavy its tails, theory and simulation agree. Theory promises nothing under lopsided
noise; it costs little. Ratios of two variants measured alike are symmetric where nothing differs.

## The bootstrap interval of means, which no verdict stands on

Bootstrap-t over blocks, held against the mean; in reports it stands beside the CPU-seconds of the budget.
${formatNumber(bootstrapRuns)} runs a cell: ${plusMinus(bootstrapRuns)} points to either side are chance.

${table(bootstrapRuns, bootstrapCoverage, () => '')}

It holds a little less often than 95 %, least where the noise is both lopsided and heavy-tailed: a mean is moved by one
block, and few blocks do not show how far.
`;
}

function table(
  runs: number,
  simulate: (simulation: { noise: (typeof noises)[number]; blocks: number; runs: number; seed: number }) => Coverage,
  promised: (blocks: number) => string,
): string {
  return rowsText({
    caption: '',
    columns: [
      { label: 'Noise' },
      ...blockCounts.map((blocks) => ({ label: `${blocks} blocks${promised(blocks)}`, numeric: true })),
    ],
    rows: noises.map((noise) => [
      `${noise.name}${noise.symmetric ? '' : ' (lopsided)'}`,
      ...blockCounts.map((blocks) =>
        formatConfidence(simulate({ noise, blocks, runs, seed: seed + blocks }).covered / runs),
      ),
    ]),
  });
}

/** Of a share near 95 %, in points. */
function plusMinus(runs: number): string {
  return (100 * 1.96 * Math.sqrt((0.95 * 0.05) / runs)).toFixed(1);
}
