import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { checkConsistency } from './check-consistency.ts';
import { EvidenceError } from './evidence-error.ts';
import { evidenceFiles } from './evidence-files.ts';
import { latencyHistogramSchema, runRecordSchema, sampleSchema } from './schema.ts';
import type { Evidence, RunRecord } from './schema.ts';
import { sha256 } from './write-evidence.ts';

/** Reads and checks the folder of a run. Throws `EvidenceError`, which names file, line and remedy. */
export async function readEvidence(folder: string): Promise<Evidence> {
  const run = parse(runRecordSchema, await read(folder, evidenceFiles.run), { file: evidenceFiles.run });
  const samples = await readLines(folder, evidenceFiles.samples, { schema: sampleSchema, run });
  const latencies = await readLines(folder, evidenceFiles.latencies, { schema: latencyHistogramSchema, run });
  const evidence = { run, samples, latencies };
  checkConsistency(evidence);
  return evidence;
}

async function read(folder: string, file: string): Promise<string> {
  try {
    return await readFile(join(folder, file), 'utf8');
  } catch (cause) {
    throw new EvidenceError({ file }, `cannot be read from ${folder}`, { cause });
  }
}

async function readLines<T>(folder: string, file: string, { schema, run }: { schema: z.ZodType<T>; run: RunRecord }) {
  const text = await read(folder, file);
  const [expected, actual] = [run.files[file], sha256(text)];
  if (expected !== actual) {
    throw new EvidenceError({ file }, `SHA-256 is ${actual}, ${evidenceFiles.run} says ${expected ?? 'nothing'}`);
  }
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new EvidenceError({ file, line: lines.length + 1 }, 'the last line is cut off');
  return lines.map((line, index) => parse(schema, line, { file, line: index + 1 }));
}

function parse<T>(schema: z.ZodType<T>, text: string, place: { file: string; line?: number }): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EvidenceError(place, `is not JSON (${String(cause)})`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new EvidenceError(place, z.prettifyError(parsed.error), { cause: parsed.error });
  return parsed.data;
}
