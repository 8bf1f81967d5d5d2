import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { differencesOf } from './report/differences.ts';
import { verifyReport } from './report/verify-report.ts';
import { reportsFolder, runFolders } from './run-folder.ts';
import { composeDocuments } from './write-documents.ts';

/**
 * Holds reports against their evidence, and with no run named all of them and every document that stands on them.
 * Prints a line for each, and under it what is wrong. Resolves to whether nothing is.
 */
export async function verifyRuns(folders: readonly string[], print: (line: string) => void): Promise<boolean> {
  let sound = true;
  const tell = (name: string, problems: readonly string[], remedy: string) => {
    print(problems.length === 0 ? `✓ ${name}` : `✗ ${name}${remedy}`);
    for (const problem of problems) print(`    ${problem}`);
    sound &&= problems.length === 0;
  };
  const all = folders.length === 0;
  for (const folder of all ? await runFolders() : folders) {
    tell(path.basename(folder), await verifyReport(folder), '');
  }
  if (!all || !sound) return sound;
  for (const [file, text] of await composeDocuments()) {
    const actual = await readFile(path.join(reportsFolder, '..', file), 'utf8');
    tell(file, differencesOf(file, actual, text), ': make docs writes it again');
  }
  return sound;
}
