import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { type Calibration, parseCalibration } from './gate/calibration-record.ts';
import { reportsFolder } from './run-folder.ts';

/** Where `make gate-calibrate` publishes. */
export const calibrationFolder = path.join(reportsFolder, 'gate-calibration');
export const calibrationFile = path.join(calibrationFolder, 'calibration.ndjson');

/** `undefined` while none is published. */
export async function readPublishedCalibration(): Promise<Calibration | undefined> {
  try {
    return parseCalibration(await readFile(calibrationFile, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
