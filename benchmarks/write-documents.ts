import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { readEvidence } from './evidence/read-evidence.ts';
import type { RunEvidence } from './evidence/trials-schema.ts';
import { type CalibrationSummary, summarizeCalibration } from './gate/calibration-report.ts';
import { composeProbesDocument, probesDocumentFile } from './probes-document.ts';
import { readPublishedCalibration } from './published-calibration.ts';
import { coverageDocument } from './report/coverage-document.ts';
import { quotedRuns, withQuotedRuns } from './report/quoted-runs.ts';
import { runIndexMarkdown, runIndexPage } from './report/run-index.ts';
import { reportsFolder, runFolders } from './run-folder.ts';

/** From the top of the repository: what quotes runs, and the index of all of them. Other documents are written whole. */
const frontPage = 'README.md';
const decisions = 'reports/decisions';
const index = 'reports/README.md';
const gateCalibration = 'reports/gate-calibration';
const calibrationPlace = /(?<=<!-- calibration of the gate -->\n).*?(?=<!-- end of calibration -->)/gs;
const indexPlace = /(?<=<!-- runs -->\n).*?(?=<!-- end of runs -->)/s;
const top = path.join(reportsFolder, '..');

async function readRuns(): Promise<ReadonlyMap<string, RunEvidence>> {
  const folders = await runFolders();
  return new Map(
    await Promise.all(folders.map(async (folder) => [path.basename(folder), await readEvidence(folder)] as const)),
  );
}

/** `reports/decisions/0001-….md` and so on. A record that rests on no run quotes none. */
export async function decisionRecords(): Promise<readonly string[]> {
  const names = await readdir(path.join(top, decisions));
  return names
    .filter((name) => /^\d{4}-.*\.md$/.test(name))
    .sort()
    .map((name) => `${decisions}/${name}`);
}

/** The documents that stand on evidence, as they have to be: by path from the top of the repository. */
export async function composeDocuments(): Promise<ReadonlyMap<string, string>> {
  return composeWith(await readRuns());
}

async function composeWith(runs: ReadonlyMap<string, RunEvidence>): Promise<ReadonlyMap<string, string>> {
  const documents = new Map<string, string>();
  const calibration = await summarizePublished();
  if (calibration) documents.set(`${gateCalibration}/README.md`, calibration.document);
  for (const file of [frontPage, ...(await decisionRecords())]) {
    const text = await readFile(path.join(top, file), 'utf8');
    if (file === frontPage && quotedRuns(text).length === 0) {
      throw new Error(`${file} quotes no run: has its mark been lost?`);
    }
    documents.set(file, withCalibration(withQuotedRuns(text, runs), calibration));
  }
  const text = await readFile(path.join(top, index), 'utf8');
  if (!indexPlace.test(text)) throw new Error(`${index} has no place for the runs: <!-- runs --> <!-- end of runs -->`);
  documents.set(
    index,
    text.replace(indexPlace, () => `\n${runIndexMarkdown([...runs.values()])}\n\n`),
  );
  documents.set('reports/index.html', runIndexPage([...runs.values()]));
  documents.set('reports/interval-coverage.md', coverageDocument());
  documents.set(probesDocumentFile, await composeProbesDocument(runs.values()));
  return documents;
}

/** `undefined` before the gate was calibrated. */
async function summarizePublished(): Promise<CalibrationSummary | undefined> {
  const calibration = await readPublishedCalibration();
  return calibration && summarizeCalibration(calibration);
}

function withCalibration(text: string, calibration: CalibrationSummary | undefined): string {
  return text.replaceAll(calibrationPlace, () => {
    if (!calibration) throw new Error(`the calibration of the gate is quoted and is not in ${gateCalibration}`);
    return `\n${calibration.quotation}\n\n`;
  });
}

/** Writes what has changed. `overtaken`: quotations that somebody may want to renew, in words. */
export async function writeDocuments(): Promise<{ changed: readonly string[]; overtaken: readonly string[] }> {
  const changed: string[] = [];
  const overtaken: string[] = [];
  const runs = await readRuns();
  for (const [file, text] of await composeWith(runs)) {
    overtaken.push(...overtakenQuotations(text, runs).map((words) => `${file} ${words}`));
    if ((await readIfThere(path.join(top, file))) === text) continue;
    await writeFile(path.join(top, file), text);
    changed.push(file);
  }
  return { changed, overtaken };
}

/** The quotations in `text` of runs that a younger one of the same experiment, database, environment and profile has followed. */
export function overtakenQuotations(text: string, runs: ReadonlyMap<string, RunEvidence>): readonly string[] {
  return quotedRuns(text).flatMap((id) => {
    const of = runs.get(id)?.run;
    if (of === undefined) return [];
    const younger = [...runs.values()]
      .map(({ run }) => run)
      .filter((run) => run.experiment.id === of.experiment.id && run.database === of.database)
      .filter((run) => run.environment === of.environment)
      .filter((run) => run.profile.name === of.profile.name && run.startedAt > of.startedAt)
      .toSorted((one, other) => (one.startedAt < other.startedAt ? -1 : 1))
      .at(-1);
    return younger ? [`quotes ${id}, and ${younger.id} is younger`] : [];
  });
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
