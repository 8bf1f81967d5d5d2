import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { checkConsistency } from './check-consistency.ts';
import { checkTrialsConsistency } from './check-trials-consistency.ts';
import { EvidenceError } from './evidence-error.ts';
import { evidenceFiles } from './evidence-files.ts';
import { latencyHistogramSchema, runRecordSchema, sampleSchema } from './schema.ts';
import type { RunFrame } from './schema.ts';
import { type RunEvidence, trialSchema, trialsRecordSchema } from './trials-schema.ts';
import { sha256 } from './write-evidence.ts';

const trialsKindSchema = z.looseObject({ kind: trialsRecordSchema.shape.kind });

/** Reads and checks the folder of a run. Throws `EvidenceError`, which names file, line and remedy. */
export async function readEvidence(folder: string): Promise<RunEvidence> {
  const place = { file: evidenceFiles.run };
  const record = parseJson(await read(folder, evidenceFiles.run), place);
  if (trialsKindSchema.safeParse(record).success) {
    const run = parse(trialsRecordSchema, record, place);
    const trials = await readLines(folder, evidenceFiles.trials, { schema: trialSchema, run });
    checkTrialsConsistency({ run, trials });
    return { run, trials };
  }
  const run = parse(runRecordSchema, record, place);
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

async function readLines<T>(folder: string, file: string, { schema, run }: { schema: z.ZodType<T>; run: RunFrame }) {
  const text = await read(folder, file);
  const [expected, actual] = [run.files[file], sha256(text)];
  if (expected !== actual) {
    throw new EvidenceError({ file }, `SHA-256 is ${actual}, ${evidenceFiles.run} says ${expected ?? 'nothing'}`);
  }
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new EvidenceError({ file, line: lines.length + 1 }, 'the last line is cut off');
  return lines.map((line, index) => {
    const place = { file, line: index + 1 };
    return parse(schema, parseJson(line, place), place);
  });
}

type Place = ConstructorParameters<typeof EvidenceError>[0];

function parseJson(text: string, place: Place): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EvidenceError(place, `is not JSON (${String(cause)})`, { cause });
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown, place: Place): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new EvidenceError(place, z.prettifyError(parsed.error), { cause: parsed.error });
  return parsed.data;
}
