import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

import { analyzeRun } from './analysis/analyze-run.ts';
import { bench, experimentIds, record, reportsFolder } from './bench.ts';
import type { RunRecord } from './evidence/schema.ts';
import { readEvidence } from './evidence/read-evidence.ts';
import type { ProfileName } from './protocol/experiment.ts';
import { calibrationWarnings } from './report/calibration-warnings.ts';
import { verdictSentence } from './report/verdict-sentence.ts';
import { writeReport } from './report/write-report.ts';
import type { ProgressOutput } from './toolchain/progress.ts';

export interface Io {
  readonly stdout: ProgressOutput;
  readonly stderr: ProgressOutput;
  readonly signal: AbortSignal;
}

/** What the script ends with; the verdicts' own statuses are 0 confirmed, 1 refuted, 2 inconclusive, 3 invalid. */
const couldNotRun = 4;
const usageError = 64;
const interrupted = 130;

function integer(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number from 0.');
  return value;
}

/** A run is named by its folder, or by the folder's name under reports/. */
const folderOf = (run: string): string => (run.includes('/') ? path.resolve(run) : path.join(reportsFolder, run));

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return [0, 0.5, 0.95, 1]
    .map((quantile) => sorted[Math.round(quantile * (sorted.length - 1))] ?? Number.NaN)
    .map((value, index) => `${['min', 'median', 'p95', 'max'][index]} ${value.toPrecision(3)}`.padEnd(18))
    .join('');
}

async function printReport(folder: string, { stdout }: Io): Promise<number> {
  const evidence = await readEvidence(folder);
  if ('trials' in evidence) throw new Error('a run in trials has no report yet');
  const analysis = analyzeRun(evidence);
  const { exitStatus } = analysis.verdict;
  const shown = path.relative(process.cwd(), folder);
  const words = [verdictSentence(evidence, analysis), ...calibrationWarnings(evidence.run, analysis)];
  stdout.write(`\n${words.join('\n')}\n\n  ${shown}/index.html\n  ${shown}/report.md\n`);
  stdout.write(`  exit status ${exitStatus} (0 confirmed, 1 refuted, 2 inconclusive, 3 invalid, 4 could not run)\n`);
  return exitStatus;
}

interface RunOptions {
  readonly experiment: string;
  readonly profile: ProfileName;
  readonly database: RunRecord['database'];
  readonly seed?: number;
}

async function buildProgram(io: Io, end: (status: number) => void): Promise<Command> {
  const ids = await experimentIds();
  const program = new Command('lab').exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
  });
  const measuring = (name: string): Command =>
    program
      .command(name)
      .addOption(new Option('--experiment <id>').choices(ids).default('performance-cache'))
      .addOption(new Option('--profile <name>').choices(['quick', 'full']).default('quick'))
      .addOption(new Option('--database <engine>').choices(['postgres', 'sqlite']).default('postgres'))
      .addOption(new Option('--seed <number>', 'the same seed draws the same blocks').argParser(integer));
  measuring('run')
    .description('run an experiment and write its report')
    .action(async (options: RunOptions) => {
      const folder = await bench({ ...options, output: io.stdout, signal: io.signal });
      end(await printReport(folder, io));
    });
  measuring('record')
    .description('record consecutive slots of each variant, for the limits of the guards')
    .addOption(new Option('--slots <number>', 'of each variant').argParser(integer).default(20))
    .action(async (options: RunOptions & { slots: number }) => {
      const recorded = await record({ ...options, output: io.stdout, signal: io.signal }, options.slots);
      for (const { variant, name, values } of recorded) {
        io.stdout.write(`${variant.padEnd(7)}${name.padEnd(24)}${quantiles(values)}\n`);
      }
    });
  program
    .command('report <run>')
    .description('render a run’s report again from its evidence')
    .action(async (run: string) => {
      await writeReport(folderOf(run));
      end(await printReport(folderOf(run), io));
    });
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
  process.exitCode = await main(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    signal: controller.signal,
  });
}
