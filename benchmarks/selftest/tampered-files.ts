import { cp, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { EvidenceError } from '../evidence/evidence-error.ts';
import { evidenceFiles } from '../evidence/evidence-files.ts';
import { readEvidence } from '../evidence/read-evidence.ts';
import { runRecordSchema } from '../evidence/schema.ts';
import { sha256 } from '../evidence/write-evidence.ts';
import { readRawSamples } from '../load/raw-samples.ts';
import { invalidReasons, readRecordedRun } from './recorded-run.ts';
import type { SelfTestCase } from './self-test-case.ts';

const newFolder = () => mkdtempDisposable(join(tmpdir(), 'tampered-files-'));

/** Why the evidence is refused, or else would be INVALID. */
async function objectionsTo(folder: string): Promise<readonly string[]> {
  try {
    const evidence = await readEvidence(folder);
    if ('trials' in evidence) throw new Error(`${folder} is a run in trials`);
    return invalidReasons(evidence);
  } catch (error) {
    if (error instanceof EvidenceError) return [error.message];
    throw error;
  }
}

interface Tampering {
  readonly file: string;
  readonly change: (text: string) => string;
  /** As somebody would who wants the changed file to be believed. run.json has none. */
  readonly renewHash: boolean;
}

async function objectionsToTampered(
  sources: string,
  { file, change, renewHash }: Tampering,
): Promise<readonly string[]> {
  await using folder = await newFolder();
  const { folder: recorded, evidence } = await readRecordedRun(sources);
  const { files } = evidence.run;
  for (const name of [evidenceFiles.run, ...Object.keys(files)]) {
    await cp(join(recorded, name), join(folder.path, name));
  }
  const text = change(await readFile(join(recorded, file), 'utf8'));
  await writeFile(join(folder.path, file), text);
  if (renewHash) {
    const run = { ...evidence.run, files: { ...files, [file]: sha256(text) } };
    await writeFile(join(folder.path, evidenceFiles.run), JSON.stringify(run));
  }
  return await objectionsTo(folder.path);
}

const inTheMiddleOfALine = (text: string): string => text.slice(0, -20);
const afterHalfOfTheLines = (text: string): string => {
  const lines = text.split('\n');
  return `${lines.slice(0, lines.length / 2).join('\n')}\n`;
};

const otherLabel = { before: 'after', after: 'before' } as const;
function swapLabels(text: string): string {
  const run = runRecordSchema.parse(JSON.parse(text));
  return JSON.stringify({ ...run, slots: run.slots.map((slot) => ({ ...slot, variant: otherLabel[slot.variant] })) });
}

/** A file of k6 with two requests. */
const rawRequests = `metric_name,timestamp,metric_value,expected_response,method,name,status,extra_tags,metadata
http_req_duration,1795435200000000,5.000000,true,GET,list,200,,
http_req_duration,1795435200100000,5.000000,true,GET,list,200,,
`;

async function objectionsToRaw(text: string): Promise<readonly string[]> {
  await using folder = await newFolder();
  const file = join(folder.path, 'raw.csv');
  await writeFile(file, text);
  return await readRawSamples(file).then(
    () => [],
    (error: unknown) => [String(error)],
  );
}

export const tamperedFileCases: readonly SelfTestCase[] = [
  {
    name: 'recorded files as they are, copied',
    mustSay: 'nothing',
    run: ({ sources }) =>
      objectionsToTampered(sources, { file: evidenceFiles.samples, change: (text) => text, renewHash: true }),
  },
  ...[evidenceFiles.samples, evidenceFiles.latencies].map((file): SelfTestCase => {
    return {
      name: `${file} is truncated`,
      mustSay: /^(samples|latency)\.ndjson.* SHA-256 is/,
      run: ({ sources }) => objectionsToTampered(sources, { file, change: afterHalfOfTheLines, renewHash: false }),
    };
  }),
  {
    name: 'samples.ndjson is truncated in the middle of a line, and its hash renewed',
    mustSay: /^samples\.ndjson.* the last line is cut off/,
    run: ({ sources }) =>
      objectionsToTampered(sources, { file: evidenceFiles.samples, change: inTheMiddleOfALine, renewHash: true }),
  },
  {
    name: 'samples.ndjson is truncated after half of its lines, and its hash renewed',
    mustSay: /is missing in \d+ of \d+ blocks$/,
    run: ({ sources }) =>
      objectionsToTampered(sources, { file: evidenceFiles.samples, change: afterHalfOfTheLines, renewHash: true }),
  },
  {
    name: 'latency.ndjson is truncated after half of its lines, and its hash renewed',
    mustSay: /^latency\.ndjson.* slot ".*" has the latencies of \d+ requests, samples\.ndjson says \d+/,
    run: ({ sources }) =>
      objectionsToTampered(sources, { file: evidenceFiles.latencies, change: afterHalfOfTheLines, renewHash: true }),
  },
  {
    name: 'the labels of all slots are swapped in run.json',
    mustSay: /^run\.json.* measured slot ".*" is of "(before|after)", and seed \d+ draws/,
    run: ({ sources }) =>
      objectionsToTampered(sources, { file: evidenceFiles.run, change: swapLabels, renewHash: false }),
  },
  { name: 'a raw file of k6 as it is', mustSay: 'nothing', run: () => objectionsToRaw(rawRequests) },
  {
    name: 'a raw file of k6 is truncated',
    mustSay: /raw\.csv ends in the middle of a line/,
    run: () => objectionsToRaw(inTheMiddleOfALine(rawRequests)),
  },
];
