import { cp, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { EvidenceError } from '../evidence/evidence-error.ts';
import { evidenceFiles } from '../evidence/evidence-files.ts';
import { readEvidence } from '../evidence/read-evidence.ts';
import { sha256 } from '../evidence/write-evidence.ts';
import { readRawSamples } from '../load/raw-samples.ts';
import { invalidReasons, readRecordedRun } from './recorded-run.ts';
import type { SelfTestCase } from './self-test-case.ts';

const newFolder = () => mkdtempDisposable(join(tmpdir(), 'truncated-files-'));

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

interface Truncation {
  readonly file: string;
  readonly truncate: (text: string) => string;
  /** As somebody would who wants the shorter file to be believed. */
  readonly renewHash: boolean;
}

async function objectionsToTruncated(
  sources: string,
  { file, truncate, renewHash }: Truncation,
): Promise<readonly string[]> {
  await using folder = await newFolder();
  const { folder: recorded, evidence } = await readRecordedRun(sources);
  const { files } = evidence.run;
  for (const name of [evidenceFiles.run, ...Object.keys(files)]) {
    await cp(join(recorded, name), join(folder.path, name));
  }
  const text = truncate(await readFile(join(recorded, file), 'utf8'));
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

export const truncatedFileCases: readonly SelfTestCase[] = [
  {
    name: 'recorded files as they are, copied',
    mustSay: 'nothing',
    run: ({ sources }) =>
      objectionsToTruncated(sources, { file: evidenceFiles.samples, truncate: (text) => text, renewHash: true }),
  },
  ...[evidenceFiles.samples, evidenceFiles.latencies].map((file): SelfTestCase => {
    return {
      name: `${file} is truncated`,
      mustSay: /^(samples|latency)\.ndjson.* SHA-256 is/,
      run: ({ sources }) => objectionsToTruncated(sources, { file, truncate: afterHalfOfTheLines, renewHash: false }),
    };
  }),
  {
    name: 'samples.ndjson is truncated in the middle of a line, and its hash renewed',
    mustSay: /^samples\.ndjson.* the last line is cut off/,
    run: ({ sources }) =>
      objectionsToTruncated(sources, { file: evidenceFiles.samples, truncate: inTheMiddleOfALine, renewHash: true }),
  },
  {
    name: 'samples.ndjson is truncated after half of its lines, and its hash renewed',
    mustSay: /is missing in \d+ of \d+ blocks$/,
    run: ({ sources }) =>
      objectionsToTruncated(sources, { file: evidenceFiles.samples, truncate: afterHalfOfTheLines, renewHash: true }),
  },
  { name: 'a raw file of k6 as it is', mustSay: 'nothing', run: () => objectionsToRaw(rawRequests) },
  {
    name: 'a raw file of k6 is truncated',
    mustSay: /raw\.csv ends in the middle of a line/,
    run: () => objectionsToRaw(inTheMiddleOfALine(rawRequests)),
  },
];
