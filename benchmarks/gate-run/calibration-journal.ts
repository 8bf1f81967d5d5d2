import { appendFileSync, mkdirSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { lockDirectory } from '../environments/directory-lock.ts';
import {
  type Calibration,
  type CalibrationConditions,
  type CalibrationLine,
  calibrationLineSchema,
  parseCalibration,
} from '../gate/calibration-record.ts';

/** What a calibration has recorded, on disk at once: an interrupted one goes on after the last line. */
export interface CalibrationJournal {
  /** From the calls before this one. */
  readonly found: Calibration;
  append(line: Exclude<CalibrationLine, { conditions: unknown }>): void;
  /** Everything so far, as it is published. */
  read(): Promise<string>;
  close(): void;
}

export interface CalibrationJournalRequest {
  /** The journal's own; nobody else may write there meanwhile. */
  readonly folder: string;
  readonly conditions: Omit<CalibrationConditions, 'seed'>;
  readonly drawSeed: () => number;
  readonly note: (text: string) => void;
}

/**
 * Goes on with what was recorded of the same commit on the same machine, and else begins a new journal beside it.
 * @throws when another process has the folder, or when a line but the last cannot be read
 */
export async function openCalibrationJournal(request: CalibrationJournalRequest): Promise<CalibrationJournal> {
  const { folder, note } = request;
  mkdirSync(folder, { recursive: true });
  const lock = lockDirectory(folder);
  const file = join(folder, 'calibration.ndjson');
  const write = (line: CalibrationLine): void =>
    appendFileSync(file, `${JSON.stringify(calibrationLineSchema.parse(line))}\n`);
  try {
    let found = await readWhole(file);
    if (found && !isDeepStrictEqual({ ...request.conditions, seed: found.conditions.seed }, found.conditions)) {
      const aside = join(folder, `calibration-of-${found.conditions.commit.slice(0, 12)}.ndjson`);
      await rename(file, aside);
      note(`  begins anew: the commit, the machine or a binary is another one; what was recorded is in ${aside}`);
      found = undefined;
    }
    if (found) {
      note(`  goes on with ${found.groups.length} groups of blocks and ${found.gates.length} gates (${file})`);
    } else {
      const conditions = { ...request.conditions, seed: request.drawSeed() };
      write({ conditions });
      found = { conditions, groups: [], gates: [] };
    }
    return { found, append: write, read: () => readFile(file, 'utf8'), close: () => lock.release() };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** `undefined` when nothing is there. A last line that was cut off by a crash is taken away. */
async function readWhole(file: string): Promise<Calibration | undefined> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole !== text) await writeFile(file, whole);
  return whole === '' ? undefined : parseCalibration(whole);
}
