import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { readEvidence } from '../evidence/read-evidence.ts';

import { renderReport } from './render-report.ts';

/** Renders the report of a run's folder into it, from its evidence alone. Throws `EvidenceError`. */
export async function writeReport(folder: string): Promise<void> {
  const evidence = await readEvidence(folder);
  if ('trials' in evidence) throw new Error('a run in trials has no report yet');
  const files = renderReport(evidence);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}
