import { appendFileSync, mkdirSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { z } from 'zod';

import { lockDirectory } from '../environments/directory-lock.ts';
import { type OwnedSettings, ownedSettingsSchema } from '../evidence/part-settings.ts';
import { runFrameSchema } from '../evidence/schema.ts';
import { type BrokenTrial, brokenTrialSchema, trialSchema } from '../evidence/trials-schema.ts';

/** What must be the same for a trial of an earlier call to count in this one. */
const conditionsSchema = z.strictObject({
  experiment: z.string(),
  /** Each series with its number of trials, in order. */
  series: z.array(z.tuple([z.string(), z.int()])),
  profile: z.string(),
  database: z.string(),
  /** Absent: as processes. */
  environment: z.literal('containers').optional(),
  commit: z.string(),
  /** With changes that no commit names, two calls cannot be shown to be of the same code. */
  dirty: z.boolean(),
  fingerprint: runFrameSchema.shape.fingerprint,
});
const entrySchema = z.strictObject({
  trial: trialSchema,
  /** Of the wall clock against the monotonic one, during this trial. */
  clockStepSeconds: z.number(),
});
/** A line says that a call began, what a series runs with, what a trial gave, or that it gave nothing. */
const lineSchema = z.union([
  z.strictObject({ seed: z.int(), startedAt: z.iso.datetime(), conditions: conditionsSchema }),
  z.strictObject({ resumedAt: z.iso.datetime() }),
  z.strictObject({ broken: brokenTrialSchema }),
  z.strictObject({ settings: ownedSettingsSchema }),
  entrySchema,
]);

export type JournalConditions = z.infer<typeof conditionsSchema>;
export type JournalEntry = z.infer<typeof entrySchema>;

/** The trials that a run has finished, on disk at once: an interrupted run goes on after the last of them. */
export interface TrialJournal {
  readonly seed: number;
  /** Of the first call. */
  readonly startedAt: string;
  /** When later calls went on, this one included. */
  readonly resumedAt: readonly string[];
  /** From the calls before this one. */
  readonly entries: readonly JournalEntry[];
  /** From the calls before this one: each is run again. */
  readonly broken: readonly BrokenTrial[];
  /** Of every series that was opened, also by the calls before this one: the last word of each counts. */
  readonly settings: readonly OwnedSettings[];
  append(entry: JournalEntry): void;
  appendBroken(broken: BrokenTrial): void;
  appendSettings(settings: OwnedSettings): void;
  /** Lets go of the folder; what has not been removed is gone on with by a later call. */
  close(): void;
  /** The run is complete and written down elsewhere. */
  remove(): Promise<void>;
}

export interface JournalRequest {
  /** The journal's own; nobody else may write there meanwhile. */
  readonly folder: string;
  readonly conditions: JournalConditions;
  /** `undefined`: that of the journal, or a drawn one. */
  readonly seed: number | undefined;
  readonly drawSeed: () => number;
  /** Says what was found. */
  readonly note: (text: string) => void;
}

type Found = Pick<TrialJournal, 'seed' | 'startedAt' | 'resumedAt' | 'entries' | 'broken' | 'settings'> & {
  readonly conditions: JournalConditions;
};

/**
 * Goes on with the journal in this folder when it is of the same run, and else begins a new one beside it.
 * @throws when another process has the folder, or when a line but the last cannot be read
 */
export async function openTrialJournal(request: JournalRequest): Promise<TrialJournal> {
  const { folder, conditions, note } = request;
  mkdirSync(folder, { recursive: true });
  const lock = lockDirectory(folder);
  try {
    const file = join(folder, 'journal.ndjson');
    const found = await readJournal(file);
    const difference = found && differenceFrom(found, request);
    const now = new Date().toISOString();
    const write = (line: z.infer<typeof lineSchema>): void => appendFileSync(file, `${JSON.stringify(line)}\n`);

    let state: Omit<Found, 'conditions'>;
    if (found && difference === undefined) {
      note(`  goes on with the run of ${found.startedAt}: ${found.entries.length} trials are done (${file})`);
      state = { ...found, resumedAt: [...found.resumedAt, now] };
      write({ resumedAt: now });
    } else {
      if (found) {
        const aside = join(folder, `journal-${found.startedAt.replaceAll(':', '')}.ndjson`);
        await rename(file, aside);
        note(`  begins anew: ${difference}; the earlier run's ${found.entries.length} trials are kept in ${aside}`);
      }
      const seed = request.seed ?? request.drawSeed();
      state = { seed, startedAt: now, resumedAt: [], entries: [], broken: [], settings: [] };
      write({ seed, startedAt: now, conditions });
    }
    return {
      ...state,
      append: write,
      appendBroken: (broken) => write({ broken }),
      appendSettings: (settings) => write({ settings }),
      close: () => lock.release(),
      remove: () => rm(file),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** `undefined` when nothing is there. A last line that was cut off by a crash is taken away: its trial is run again. */
async function readJournal(file: string): Promise<Found | undefined> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole !== text) await writeFile(file, whole);
  const lines = whole
    .split('\n')
    .slice(0, -1)
    .map((line, index) => parseLine(line, `${file}:${index + 1}`));
  const [header, ...rest] = lines;
  if (header === undefined) return undefined;
  if (!('seed' in header)) throw new Error(`${file} does not begin with its run's conditions: remove it`);
  return {
    ...header,
    resumedAt: rest.flatMap((line) => ('resumedAt' in line ? [line.resumedAt] : [])),
    entries: rest.flatMap((line) => ('trial' in line ? [line] : [])),
    broken: rest.flatMap((line) => ('broken' in line ? [line.broken] : [])),
    settings: rest.flatMap((line) => ('settings' in line ? [line.settings] : [])),
  };
}

function parseLine(line: string, place: string): z.infer<typeof lineSchema> {
  try {
    return lineSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new Error(`${place} cannot be read: remove the file, and the run begins anew`, { cause });
  }
}

/** Why the journal is not of the run that is asked for. */
function differenceFrom(found: Found, { conditions, seed }: JournalRequest): string | undefined {
  if (seed !== undefined && seed !== found.seed) return `the seed is ${seed}, was ${found.seed}`;
  if (found.conditions.dirty || conditions.dirty) {
    return 'the work tree has or had changes that no commit names, so its trials may be of other code';
  }
  const [was, is] = [found.conditions, conditions];
  const named = (['experiment', 'profile', 'database', 'commit'] as const).find((name) => was[name] !== is[name]);
  if (named !== undefined) return `the ${named} is ${is[named]}, was ${was[named]}`;
  if (!isDeepStrictEqual(was.series, is.series)) return 'other series, or other numbers of trials, are asked for';
  if (!isDeepStrictEqual(was.fingerprint, is.fingerprint)) return 'the machine or a binary is another one';
  return undefined;
}
