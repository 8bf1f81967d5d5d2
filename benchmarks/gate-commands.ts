import { randomInt } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

import { type Command, InvalidArgumentError, Option } from 'commander';

import { readCommit, takeFingerprint } from './evidence/fingerprint.ts';
import { calibrateGate } from './gate-run/calibrate-gate.ts';
import { openCalibrationJournal } from './gate-run/calibration-journal.ts';
import { calibrationSizes } from './gate-run/calibration-plan.ts';
import { countRepeatedly } from './gate-run/renew-expectations.ts';
import { readExpectations, writeExpectations } from './gate-run/expectations.ts';
import { runGate } from './gate-run/run-gate.ts';
import { parseCalibration } from './gate/calibration-record.ts';
import { summarizeCalibration } from './gate/calibration-report.ts';
import { compareCounters } from './gate/compare-counters.ts';
import { gateMarkdown, gateTerminalLines } from './gate/gate-report.ts';
import { type GateRecord, gateRecordSchema } from './gate/gate-record.ts';
import { describeDifference, gateExitStatus, judgeGate } from './gate/judge-gate.ts';
import type { BenchRequest } from './bench-request.ts';
import { createProgress } from './protocol/progress.ts';
import { calibrationFile, calibrationFolder } from './published-calibration.ts';
import { gateBadge } from './report/gate-badge.ts';
import { runSelfTest, selfTestCases } from './selftest/run-self-test.ts';
import { withSlotSession } from './slot-session.ts';
import { setUpTools } from './toolchain/set-up-tools.ts';

const top = path.join(import.meta.dirname, '..');
const defaultFolder = path.join(top, '.data', 'gate');

export interface CommandIo extends Pick<BenchRequest, 'output' | 'signal'> {
  /** Called with the exit status. */
  readonly end: (status: number) => void;
  readonly integer: (text: string) => number;
}

/** `gate`, `gate-expect` and `selftest`. */
export function addGateCommands(program: Command, io: CommandIo): void {
  program
    .command('gate')
    .description(
      'hold one commit against another: exact counters, then CPU of both under the same load at the same time',
    )
    .requiredOption('--base <ref>', 'what is there')
    .option('--head <ref>', 'what is to be merged', 'HEAD')
    .addOption(new Option('--seed <number>', 'the same seed draws the same random choices').argParser(io.integer))
    .option('--output <folder>', 'for report.md and gate.json', defaultFolder)
    .addOption(
      new Option(
        '--plant-cpu-loss <percent>',
        'let the head burn so much CPU for nothing, to see the gate fail',
      ).argParser(share),
    )
    .action(async (options: GateOptions) => io.end(await gate(options, io)));
  program
    .command('gate-report <folder>')
    .description('judge a gate again from its gate.json')
    .action(async (folder: string) => io.end(await report(path.resolve(folder), await readRecord(folder), io)));
  program
    .command('gate-expect')
    .description('count this work tree, and write down what the gate expects from then on')
    .addOption(new Option('--passes <number>', 'which must all count the same').argParser(io.integer).default(2))
    .action(async ({ passes }: { passes: number }) => expect(passes, io));
  program
    .command('gate-calibrate')
    .description('record how the gate behaves when nothing has changed, and when a known loss is planted')
    .addOption(new Option('--size <name>', 'how many blocks').choices(Object.keys(calibrationSizes)).default('full'))
    .addOption(new Option('--gates <number>', 'whole gates of HEAD against itself').argParser(io.integer).default(5))
    .action(async (options: CalibrateOptions) => calibrate(options, io));
  program
    .command('gate-badge [calibration]')
    .description('write what a badge says of a calibration, beside it: badge.json, for shields.io')
    .action(async (calibration?: string) => writeBadge(path.resolve(calibration ?? calibrationFolder), io));
  program
    .command('selftest')
    .description('plant what the lab must notice, one after the other, and see whether it does')
    .option('--only <text>', 'cases whose name has this text')
    .action(async ({ only }: { only?: string }) => io.end(await selfTest(only, io)));
}

interface CalibrateOptions {
  readonly size: keyof typeof calibrationSizes;
  readonly gates: number;
}

interface GateOptions {
  readonly base: string;
  readonly head: string;
  readonly seed?: number;
  readonly output: string;
  readonly plantCpuLoss?: number;
}

function share(text: string): number {
  const percent = Number(text);
  if (!(percent > 0 && percent <= 100)) throw new InvalidArgumentError('It must be a percentage above 0, 100 at most.');
  return percent / 100;
}

async function gate({ base, head, seed, output: folder, plantCpuLoss }: GateOptions, io: CommandIo): Promise<number> {
  const { output, signal } = io;
  if (head === 'HEAD' && (await readCommit()).dirty) {
    output.write('This work tree has changes that no commit names: the gate does not see them. Commit them first.\n');
  }
  const record = await withSlotSession(
    { database: 'postgres', output, signal },
    ({ ports, binaries, scratch, progress }) =>
      runGate({ base, head, seed, plantedCpuLoss: plantCpuLoss, ports, binaries, scratch: scratch.path, progress }),
  );
  return report(path.resolve(folder), record, io);
}

async function readRecord(folder: string): Promise<GateRecord> {
  return gateRecordSchema.parse(JSON.parse(await readFile(path.join(folder, 'gate.json'), 'utf8')));
}

/** Writes and prints what the record says. Resolves to the exit status of its verdict. */
async function report(folder: string, record: GateRecord, { output }: CommandIo): Promise<number> {
  const judgement = judgeGate(record);
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'gate.json'), `${JSON.stringify(gateRecordSchema.parse(record))}\n`);
  await writeFile(path.join(folder, 'report.md'), gateMarkdown(record, judgement));
  const status = gateExitStatus[judgement.verdict];
  const shown = path.relative(process.cwd(), folder);
  output.write(
    `${[...gateTerminalLines(record, judgement), '', `  ${shown}/report.md`, `  exit status ${status} (0 pass, 1 fail, 2 inconclusive, 3 invalid, 4 could not run)`].join('\n')}\n`,
  );
  return status;
}

async function expect(passes: number, { output, signal }: CommandIo): Promise<void> {
  await setUpTools(['redis-server', 'postgres'], output);
  const progress = createProgress(output);
  try {
    const onStep = (step: string): void => progress.step(step);
    const before = await readExpectations(top).catch(() => undefined);
    const counters = await countRepeatedly({ sources: top, onStep, signal }, passes);
    const changes = before && compareCounters(before, counters);
    for (const difference of [...(changes?.above ?? []), ...(changes?.below ?? [])]) {
      progress.note(`  ${describeDifference(difference)}`);
    }
    const file = path.relative(process.cwd(), await writeExpectations(top, counters));
    progress.note(`${passes} passes counted the same; written: ${file}`);
  } finally {
    progress.close();
  }
}

/** Records what is missing, then publishes everything with its report. */
async function calibrate({ size, gates }: CalibrateOptions, { output, signal }: CommandIo): Promise<void> {
  await withSlotSession({ database: 'postgres', output, signal }, async ({ ports, binaries, scratch, progress }) => {
    const { commit } = await readCommit();
    const journal = await openCalibrationJournal({
      folder: path.join(top, '.data', 'gate-calibration'),
      conditions: { commit, fingerprint: await takeFingerprint(binaries) },
      drawSeed: () => randomInt(2 ** 31),
      note: (text) => progress.note(text),
    });
    try {
      const request = {
        size: calibrationSizes[size],
        gates,
        journal,
        ports,
        binaries,
        scratch: scratch.path,
        progress,
      };
      await calibrateGate(request);
      const text = await journal.read();
      await mkdir(calibrationFolder, { recursive: true });
      await writeFile(calibrationFile, text);
      await writeFile(path.join(calibrationFolder, 'README.md'), summarizeCalibration(parseCalibration(text)).document);
      progress.note(`written: ${path.relative(process.cwd(), calibrationFolder)}`);
    } finally {
      journal.close();
    }
  });
}

async function writeBadge(folder: string, { output }: CommandIo): Promise<void> {
  const source = path.join(folder, 'calibration.ndjson');
  const text = await readFile(source, 'utf8').catch((cause: unknown) => {
    throw new Error(`there is no calibration to make a badge of, ${source}: make gate-calibrate`, { cause });
  });
  const badge = gateBadge(parseCalibration(text));
  const file = path.join(folder, 'badge.json');
  await writeFile(file, `${JSON.stringify(badge)}\n`);
  output.write(`${path.relative(process.cwd(), file)}: ${badge.label}, ${badge.message}\n`);
}

async function selfTest(only: string | undefined, { output, signal }: CommandIo): Promise<number> {
  const cases = selfTestCases.filter(({ name }) => only === undefined || name.includes(only));
  if (cases.length === 0) {
    throw new Error(`no case has "${only}" in its name: ${selfTestCases.map(({ name }) => name).join('; ')}`);
  }
  await setUpTools(['redis-server', 'postgres'], output);
  const outcomes = await runSelfTest({ cases, output, signal });
  const missed = outcomes.filter(({ caught }) => !caught);
  output.write(`${outcomes.length - missed.length} of ${outcomes.length} as they must be\n`);
  return missed.length === 0 ? 0 : 1;
}
