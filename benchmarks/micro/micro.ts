import { parseArgs } from 'node:util';

import { accepting } from './accepting.ts';
import { cachedReads } from './cached-reads.ts';
import { largeJob } from './large-job.ts';
import type { MicroFigure } from './micro-figure.ts';
import { probes } from './probes.ts';
import { smallJobs } from './small-jobs.ts';

const figures: readonly MicroFigure[] = [cachedReads, accepting, largeJob, smallJobs, probes];
const usage = `usage: node benchmarks/micro/micro.ts [--rounds <n>] [${figures.map(({ id }) => id).join(' | ')}]…`;
const couldNotRun = 4;
const wrongUsage = 64;
const interrupted = 130;

interface Request {
  readonly rounds: number;
  readonly chosen: readonly MicroFigure[];
}

/** `undefined`: nobody can know what was meant. */
function parseRequest(args: readonly string[]): Request | undefined {
  const options = { rounds: { type: 'string', default: '5' } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const rounds = Number(values.rounds);
  const chosen = positionals.map((id) => figures.find((figure) => figure.id === id));
  if (!Number.isInteger(rounds) || rounds < 1 || chosen.includes(undefined)) return undefined;
  return { rounds, chosen: chosen.length === 0 ? figures : chosen.filter((figure) => figure !== undefined) };
}

/**
 * `make micro`: figures that are too small for an experiment, each beside its reference in the same run. All of them,
 * or those that are named.
 */
async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const request = parseRequest(args);
  if (request === undefined) {
    console.error(usage);
    return wrongUsage;
  }
  const { rounds, chosen } = request;
  for (const { id, measure } of chosen) {
    const step = (text: string): void => void process.stderr.write(`${id}: ${text}\n`);
    console.log(`${await measure({ rounds, signal, step })}\n`);
  }
  const compared = chosen.filter((figure) => figure !== probes).map(({ id }) => id);
  if (compared.length > 0) {
    console.log(
      `${compared.join(', ')}: ${rounds} rounds, order rotated, after one to warm up: medians, and the range in brackets.`,
    );
  }
  return 0;
}

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
try {
  process.exitCode = await main(process.argv.slice(2), interrupt.signal);
} catch (error) {
  process.exitCode = interrupt.signal.aborted ? interrupted : couldNotRun;
  if (!interrupt.signal.aborted) console.error(error instanceof Error ? error.message : error);
}
