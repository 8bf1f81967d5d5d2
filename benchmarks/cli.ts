import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

import { analyzeRun } from './analysis/analyze-run.ts';
import { analyzeTrials } from './analysis/analyze-trials.ts';
import { bench, record } from './bench.ts';
import type { BenchRequest } from './bench-request.ts';
import { benchFaults, faultRows, suiteNames } from './bench-faults.ts';
import type { ContainerOptions } from './environments/container-stacks.ts';
import { readEvidence } from './evidence/read-evidence.ts';
import { experimentIds, headlineExperiments } from './find-experiment.ts';
import { addGateCommands } from './gate-commands.ts';
import { faultLines } from './report/fault-table.ts';
import { composeDocument } from './report/render-report.ts';
import { writeReport } from './report/write-report.ts';
import { reportsFolder, runFolders } from './run-folder.ts';
import type { ProgressOutput } from './toolchain/progress.ts';
import { verifyRuns } from './verify-runs.ts';
import { writeDocuments } from './write-documents.ts';

export interface Io {
  readonly stdout: ProgressOutput;
  readonly stderr: ProgressOutput;
  readonly signal: AbortSignal;
}

/** What the script ends with; the verdicts' own statuses are 0 confirmed, 1 refuted, 2 inconclusive, 3 invalid. */
const couldNotRun = 4;
const usageError = 64;
const interrupted = 130;

/** Of several experiments: the first of 4, 3, 1, 2, 0 that occurred. What has no answer comes before a bad one. */
export function worstStatus(statuses: readonly number[]): number {
  return [couldNotRun, 3, 1, 2, 0].find((status) => statuses.includes(status)) ?? couldNotRun;
}

function integer(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number from 0.');
  return value;
}

/** A run is named by its folder, or by the folder's name under reports/. */
async function folderOf(run: string): Promise<string> {
  const folder = run.includes('/') ? path.resolve(run) : path.join(reportsFolder, run);
  if (existsSync(folder)) return folder;
  const known = (await runFolders()).map((one) => path.basename(one));
  throw new Error(`there is no run at ${folder}; in reports/ there are ${known.join(', ')}`);
}

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return [0, 0.5, 0.95, 1]
    .map((quantile) => sorted[Math.round(quantile * (sorted.length - 1))] ?? Number.NaN)
    .map((value, index) => `${['min', 'median', 'p95', 'max'][index]} ${value.toPrecision(3)}`.padEnd(18))
    .join('');
}

/** Renders the run's report and prints what it says. Resolves to the exit status of its verdict. */
async function report(folder: string, { stdout }: Io): Promise<number> {
  await writeReport(folder);
  const evidence = await readEvidence(folder);
  const { verdict, warnings } = composeDocument(evidence);
  const { exitStatus } = ('trials' in evidence ? analyzeTrials(evidence) : analyzeRun(evidence)).verdict;
  const table = 'trials' in evidence ? [...faultLines(analyzeTrials(evidence)), ''] : [];
  const shown = path.relative(process.cwd(), folder);
  const lines = [
    '',
    ...table,
    verdict.sentence,
    ...warnings,
    '',
    `  ${shown}/index.html`,
    `  ${shown}/report.md`,
    `  exit status ${exitStatus} (0 confirmed, 1 refuted, 2 inconclusive, 3 invalid, 4 could not run)`,
  ];
  stdout.write(`${lines.join('\n')}\n`);
  return exitStatus;
}

/** One after the other, each with its report; one that could not run does not keep the next from running. */
async function runExperiments(ids: readonly string[], request: BenchRequest, io: Io): Promise<number> {
  const statuses: number[] = [];
  for (const id of ids) {
    try {
      statuses.push(await report(await bench(id, request), io));
    } catch (error) {
      if (ids.length === 1 || io.signal.aborted) throw error;
      io.stderr.write(`\n${id} could not run: ${describe(error)}\n`);
      statuses.push(couldNotRun);
    }
  }
  return worstStatus(statuses);
}

interface EngineOptions {
  readonly database: BenchRequest['database'];
  readonly seed?: number;
}

interface RunOptions extends EngineOptions {
  readonly experiment?: string;
  readonly profile: BenchRequest['profile'];
  readonly environment?: BenchRequest['environment'];
  readonly image?: NonNullable<ContainerOptions['images']>;
  readonly base?: string;
  readonly buildBase?: string;
  readonly buildNetwork?: string;
}

/** `redis=registry/redis:7.4`, several times. */
function image(text: string, earlier: ContainerOptions['images'] = {}): ContainerOptions['images'] {
  const [part = '', reference = ''] = text.split(/=(.*)/s);
  if (part !== 'redis' && part !== 'postgres') throw new InvalidArgumentError('It must be redis=… or postgres=….');
  if (reference === '') throw new InvalidArgumentError(`It must name an image: ${part}=name:tag.`);
  return { ...earlier, [part]: reference };
}

const withContainers = (command: Command): Command =>
  command
    .addOption(new Option('--environment <name>').choices(['processes', 'containers']).default('processes'))
    .addOption(
      new Option('--image <part=reference...>', 'of containers: in the place of the program’s own').argParser(image),
    )
    .option('--base <image>', 'of containers: what the service’s image is built on')
    .option('--build-base <image>', 'of containers: what it is built in')
    .option('--build-network <name>', 'of containers: what its build reaches the package registry by');

const withEngine = (command: Command): Command =>
  command
    .addOption(new Option('--database <engine>').choices(['postgres', 'sqlite']).default('postgres'))
    .addOption(new Option('--seed <number>', 'the same seed draws the same random choices').argParser(integer));

async function buildProgram(io: Io, end: (status: number) => void): Promise<Command> {
  const ids = await experimentIds();
  const program = new Command('lab').exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
  });
  const requireAll = process.env['REQUIRE_ALL'] === '1';
  const requestOf = (options: RunOptions): BenchRequest => {
    const { profile, database, environment = 'processes', seed, image: images, base, buildBase } = options;
    const containers = { images, base, buildBase, network: options.buildNetwork };
    return { profile, database, environment, containers, seed, requireAll, output: io.stdout, signal: io.signal };
  };
  const measuring = (name: string, experiment: Option): Command =>
    withEngine(program.command(name).addOption(experiment.choices(ids))).addOption(
      new Option('--profile <name>').choices(['quick', 'full']).default('quick'),
    );
  withContainers(
    measuring('run', new Option('--experiment <id>', `without it: ${headlineExperiments.join(', then ')}`)),
  )
    .description('run experiments and write their reports')
    .action(async (options: RunOptions) => {
      const chosen = options.experiment === undefined ? headlineExperiments : [options.experiment];
      end(await runExperiments(chosen, requestOf(options), io));
    });
  measuring('record', new Option('--experiment <id>').default('performance-cache'))
    .description('record consecutive slots of each variant, for the limits of the guards')
    .addOption(new Option('--slots <number>', 'of each variant').argParser(integer).default(20))
    .action(async (options: RunOptions & { experiment: string; slots: number }) => {
      const recorded = await record(options.experiment, requestOf(options), options.slots);
      for (const { variant, name, values } of recorded) {
        io.stdout.write(`${variant.padEnd(7)}${name.padEnd(24)}${quantiles(values)}\n`);
      }
    });
  withEngine(program.command('faults'))
    .description('hurt the service in every way of the table, and see whether its promise holds')
    .addOption(new Option('--long', 'the long counts: hours; interrupted, the same command goes on'))
    .addOption(new Option('--suite <name>', 'whose faults').choices(suiteNames).default('all'))
    .addOption(new Option('--row <id...>', 'these rows of it only').choices(faultRows))
    .action(async (options: EngineOptions & { long?: true; suite: string; row?: string[] }) => {
      const request = requestOf({ ...options, profile: options.long === true ? 'full' : 'quick' });
      end(await report(await benchFaults({ suite: options.suite, rows: options.row }, request), io));
    });
  program
    .command('report [run]')
    .description('render a run’s report again from its evidence, or every run’s')
    .action(async (run?: string) => {
      if (run !== undefined) return end(await report(await folderOf(run), io));
      for (const folder of await runFolders()) {
        await writeReport(folder);
        io.stdout.write(`${path.relative(process.cwd(), folder)}\n`);
      }
    });
  program
    .command('verify [runs...]')
    .description('hold reports against their evidence, all of them when none is named: 1 when something differs')
    .action(async (runs: string[]) => {
      const folders = await Promise.all(runs.map(folderOf));
      const sound = await verifyRuns(folders, (line) => io.stdout.write(`${line}\n`));
      end(sound ? 0 : 1);
    });
  program
    .command('docs')
    .description('write what README.md and reports/decisions/ quote of runs, and the index of all runs')
    .action(async () => {
      const { changed, overtaken } = await writeDocuments();
      io.stdout.write(changed.length === 0 ? 'nothing has changed\n' : `written: ${changed.join(', ')}\n`);
      for (const words of overtaken) io.stdout.write(`${words}\n`);
    });
  addGateCommands(program, { output: io.stdout, signal: io.signal, end, integer });
  return program;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}

/** The lab's front door. Resolves to the exit status: a verdict's, 4 could not run, 64 usage, 130 interrupted. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let status = 0;
  const program = await buildProgram(io, (ended) => {
    status = ended;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageError;
    if (io.signal.aborted) {
      io.stderr.write('\ninterrupted: everything that was started has been stopped, and no report was written\n');
      return interrupted;
    }
    io.stderr.write(`\ncould not run: ${describe(error)}\n`);
    return couldNotRun;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => controller.abort(new Error(signal)));
  const status = await main(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    signal: controller.signal,
  });
  // All is closed. Left to end by itself, Node 24 has been seen to wait for ever for a socket that was reset while it
  // was being written to (libuv's loop in node::Environment::CleanupHandles).
  process.exit(status);
}
