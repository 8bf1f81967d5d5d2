import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { EvidenceError } from '../evidence/evidence-error.ts';
import { evidenceFiles } from '../evidence/evidence-files.ts';
import { readEvidence } from '../evidence/read-evidence.ts';
import type { RunEvidence } from '../evidence/trials-schema.ts';

import { differencesOf } from './differences.ts';
import { renderReport } from './render-report.ts';

/**
 * Holds the folder of a run against its evidence: hashes and consistency of the evidence, then every byte of the report,
 * which is computed again, and the files that stand there. Resolves to a sentence for each thing that is wrong, with its
 * file, its line and both readings; to none when all is as the evidence says. What it can't see is evidence that was
 * changed together with its hash and the whole report: the history of the repository shows that.
 */
export async function verifyReport(folder: string): Promise<readonly string[]> {
  const evidence = await readOrProblem(folder);
  if (typeof evidence === 'string') return [evidence];
  const { id } = evidence.run;
  const rendered = renderReport(evidence);
  const present = await readdir(folder);
  const expected = new Set([evidenceFiles.run, ...Object.keys(evidence.run.files), ...Object.keys(rendered)]);
  const differences = await Promise.all(
    Object.entries(rendered).map(async ([file, text]) =>
      present.includes(file)
        ? differencesOf(file, await readFile(path.join(folder, file), 'utf8'), text)
        : [`${file}: is not there; make report RUN=reports/${id} writes it`],
    ),
  );
  return [
    ...(path.basename(folder) === id ? [] : [`${evidenceFiles.run}: is of the run "${id}"; rename the folder to it`]),
    ...differences.flat(),
    ...present
      .filter((file) => !expected.has(file))
      .map((file) => `${file}: is neither evidence nor part of the report; remove it`),
  ];
}

async function readOrProblem(folder: string): Promise<RunEvidence | string> {
  try {
    return await readEvidence(folder);
  } catch (error) {
    if (error instanceof EvidenceError) return error.message;
    throw error;
  }
}
