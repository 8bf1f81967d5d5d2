import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { z } from 'zod';

import { checkConsistency } from './check-consistency.ts';
import { evidenceFiles } from './evidence-files.ts';
import { latencyHistogramSchema, runRecordSchema, sampleSchema } from './schema.ts';
import type { Evidence } from './schema.ts';

/**
 * Writes the three files of a run; `run.files` is computed here, whatever it was. The same evidence gives the
 * same bytes: keys stand in the schema's order. run.json comes last, so that a folder that has one is complete.
 * Throws `EvidenceError` for evidence that `readEvidence` would refuse, `ZodError` for what the schema refuses.
 */
export async function writeEvidence(folder: string, evidence: Evidence): Promise<void> {
  checkConsistency(evidence);
  const samples = lines(sampleSchema, evidence.samples);
  const latencies = lines(latencyHistogramSchema, evidence.latencies);
  const run = runRecordSchema.parse({
    ...evidence.run,
    files: { [evidenceFiles.samples]: sha256(samples), [evidenceFiles.latencies]: sha256(latencies) },
  });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, evidenceFiles.samples), samples);
  await writeFile(join(folder, evidenceFiles.latencies), latencies);
  await writeFile(join(folder, evidenceFiles.run), `${JSON.stringify(run, null, 2)}\n`);
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function lines(schema: z.ZodType, records: readonly unknown[]): string {
  return records.map((record) => `${JSON.stringify(schema.parse(record))}\n`).join('');
}
