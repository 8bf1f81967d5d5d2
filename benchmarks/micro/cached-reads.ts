import { parseArgs } from 'node:util';

import { createProcessesEnvironment } from '../environments/processes.ts';
import { createScratch } from '../environments/scratch.ts';
import type { SupervisedProcess } from '../environments/supervised-process.ts';
import { requireTool } from '../toolchain/require-tool.ts';
import type { Tool } from '../toolchain/tool.ts';
import { readsByResult, startContestants } from './contestants.ts';
import type { Contestant } from './contestants.ts';
import { describeRates } from './rates.ts';
import { requestsPerSecond } from './wrk.ts';

/**
 * `make micro`: what a cached read costs. The service answers one list page from its cache, beside the same Koa
 * stack with a bare route and one GET, and beside node:http with one GET: the same bytes from the same Redis, in
 * one run, in rounds whose order rotates.
 */
const connections = 32;
const warmUpSeconds = 2;
const couldNotRun = 4;
const interrupted = 130;

interface Measuring {
  readonly wrk: Tool;
  readonly rounds: number;
  readonly secondsPerRound: number;
  readonly signal: AbortSignal;
}

/** Rates by contestant, each with one rate a round. */
async function measure(contestants: readonly Contestant[], measuring: Measuring): Promise<readonly number[][]> {
  const { wrk, rounds, secondsPerRound, signal } = measuring;
  const rates = contestants.map((): number[] => []);
  for (const { url } of contestants) await requestsPerSecond(wrk, { url, connections, seconds: warmUpSeconds, signal });
  for (let round = 0; round < rounds; round += 1) {
    process.stderr.write(`round ${round + 1} of ${rounds}\n`);
    for (let turn = 0; turn < contestants.length; turn += 1) {
      const index = (round + turn) % contestants.length;
      const url = contestants[index]?.url ?? '';
      rates[index]?.push(await requestsPerSecond(wrk, { url, connections, seconds: secondsPerRound, signal }));
    }
  }
  return rates;
}

async function main(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '3' } },
  });
  const [rounds, secondsPerRound] = [Number(values.rounds), Number(values.seconds)];
  const wrk = await requireTool('wrk', (step) => process.stderr.write(`${step}\n`));
  const environment = createProcessesEnvironment({ signal });
  const scratch = await createScratch({ keep: false });
  const references: SupervisedProcess[] = [];
  try {
    const [service] = await environment.up({
      database: 'sqlite',
      // Nothing expires while it is measured.
      variants: [
        { id: 'after', configuration: { PERFORMANCE_CACHE: 'look-aside', PERFORMANCE_CACHE_TTL_MS: '3600000' } },
      ],
      seed: { performances: 500, randomSeed: 1, relativeTo: new Date().toISOString() },
      onStep: (step) => process.stderr.write(`${step}\n`),
    });
    if (!service) throw new Error('the environment came up without a service');
    const { contestants, bodyBytes } = await startContestants(service, scratch.path, (started) =>
      references.push(started),
    );
    const before = await readsByResult(service);
    const rates = await measure(contestants, { wrk, rounds, secondsPerRound, signal });
    const after = await readsByResult(service);
    const others = after.others - before.others;
    if (others > 0)
      throw new Error(`${others} reads of the service were no hits: what was measured is not the hit path`);

    console.log(
      `Cached reads per second: one list page of ${bodyBytes} bytes, ${after.hits - before.hits} hits, no misses.`,
    );
    console.log(
      `wrk ${wrk.version}, 1 thread, ${connections} connections, ${rounds} rounds of ${secondsPerRound} s each, order rotated.\n`,
    );
    console.log(
      describeRates(
        contestants.map(({ name }) => name),
        rates,
      ),
    );
  } finally {
    for (const reference of references) await reference.stop();
    await environment.down();
    await scratch.remove();
  }
}

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
try {
  await main(interrupt.signal);
} catch (error) {
  process.exitCode = interrupt.signal.aborted ? interrupted : couldNotRun;
  if (!interrupt.signal.aborted) console.error(error instanceof Error ? error.message : error);
}
