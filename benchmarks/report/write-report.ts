import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { readEvidence } from '../evidence/read-evidence.ts';

import { renderReport } from './render-report.ts';

/** Renders the report of a run's folder into it, from its evidence alone. Throws `EvidenceError`. */
export async function writeReport(folder: string): Promise<void> {
  const files = renderReport(await readEvidence(folder));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}
