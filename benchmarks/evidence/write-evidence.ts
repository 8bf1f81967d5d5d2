import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { z } from 'zod';

import { checkConsistency } from './check-consistency.ts';
import { checkTrialsConsistency } from './check-trials-consistency.ts';
import { evidenceFiles } from './evidence-files.ts';
import { latencyHistogramSchema, runRecordSchema, sampleSchema } from './schema.ts';
import type { Evidence, RunFrame } from './schema.ts';
import { type RunEvidence, trialSchema, type TrialsEvidence, trialsRecordSchema } from './trials-schema.ts';

/**
 * Writes the files of a run; `run.files` is computed here, whatever it was. The same evidence gives the same bytes:
 * keys stand in the schema's order. run.json comes last, so that a folder that has one is complete.
 * Throws `EvidenceError` for evidence that `readEvidence` would refuse, `ZodError` for what the schema refuses.
 */
export async function writeEvidence(folder: string, evidence: RunEvidence): Promise<void> {
  const { run, files } = 'trials' in evidence ? trialsFiles(evidence) : blocksFiles(evidence);
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  await writeFile(join(folder, evidenceFiles.run), `${JSON.stringify(run, null, 2)}\n`);
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

interface EvidenceFiles {
  readonly run: RunFrame;
  /** The other files' texts, by name. */
  readonly files: Readonly<Record<string, string>>;
}

function blocksFiles(evidence: Evidence): EvidenceFiles {
  checkConsistency(evidence);
  const files = {
    [evidenceFiles.samples]: lines(sampleSchema, evidence.samples),
    [evidenceFiles.latencies]: lines(latencyHistogramSchema, evidence.latencies),
  };
  return { run: runRecordSchema.parse({ ...evidence.run, files: hashes(files) }), files };
}

function trialsFiles(evidence: TrialsEvidence): EvidenceFiles {
  checkTrialsConsistency(evidence);
  const files = { [evidenceFiles.trials]: lines(trialSchema, evidence.trials) };
  return { run: trialsRecordSchema.parse({ ...evidence.run, files: hashes(files) }), files };
}

const hashes = (files: EvidenceFiles['files']): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [name, sha256(text)]));

function lines(schema: z.ZodType, records: readonly unknown[]): string {
  return records.map((record) => `${JSON.stringify(schema.parse(record))}\n`).join('');
}
