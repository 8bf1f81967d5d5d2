import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { RunEvidence } from './evidence/trials-schema.ts';
import { probeFiguresSchema } from './micro/probe-figures.ts';
import { probesPage } from './micro/probes-page.ts';
import { readPublishedCalibration } from './published-calibration.ts';
import { reportsFolder } from './run-folder.ts';

/** From the top of the repository. */
export const probesDocumentFile = 'reports/probes/README.md';
/** What `make probe-figures` has measured. */
export const probeFiguresFile = path.join(reportsFolder, 'probes', 'figures.json');

/** What probes read and cost, and how often guards trip, as it has to be. @param runs all that are published */
export async function composeProbesDocument(runs: Iterable<RunEvidence>): Promise<string> {
  const figures = probeFiguresSchema.parse(JSON.parse(await readFile(probeFiguresFile, 'utf8')));
  const inBlocks = [...runs].flatMap((evidence) => ('trials' in evidence ? [] : [evidence]));
  return probesPage(figures, { runs: inBlocks, calibration: await readPublishedCalibration() });
}
