import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

import { readEvidence } from '../evidence/read-evidence.ts';
import { composeProbesDocument, probeFiguresFile, probesDocumentFile } from '../probes-document.ts';
import { reportsFolder, runFolders } from '../run-folder.ts';
import { probeFiguresSchema } from './probe-figures.ts';
import { measureProbes } from './probes.ts';

const rounds = 7;
const interrupted = 130;
const couldNotRun = 4;

/** `make probe-figures`: measures them, and writes reports/probes/ again. */
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
try {
  const step = (text: string): void => void process.stderr.write(`${text}\n`);
  const figures = await measureProbes({ rounds, signal: interrupt.signal, step });
  await mkdir(path.dirname(probeFiguresFile), { recursive: true });
  await writeFile(probeFiguresFile, `${JSON.stringify(probeFiguresSchema.parse(figures), undefined, 2)}\n`);
  const runs = await Promise.all((await runFolders()).map(readEvidence));
  await writeFile(path.join(reportsFolder, '..', probesDocumentFile), await composeProbesDocument(runs));
  console.log(`written: ${path.relative(process.cwd(), probeFiguresFile)} and ${probesDocumentFile}`);
} catch (error) {
  process.exitCode = interrupt.signal.aborted ? interrupted : couldNotRun;
  if (!interrupt.signal.aborted) console.error(error instanceof Error ? error.message : error);
}
