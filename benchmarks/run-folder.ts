import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';

export const reportsFolder = path.join(import.meta.dirname, '..', 'reports');

/** Makes the first free of `2026-11-23-performance-cache-postgres-quick`, `…-2`, `…-3`: it is then ours alone. */
async function claimRunFolder(parts: readonly string[]): Promise<string> {
  const base = [new Date().toISOString().slice(0, 10), ...parts].join('-');
  for (let number = 1; ; number += 1) {
    const folder = path.join(reportsFolder, number === 1 ? base : `${base}-${number}`);
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

/** A new folder under reports/ for `fill`, whose name is the run's id; it goes again when `fill` rejects. */
export async function inRunFolder(parts: readonly string[], fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = await claimRunFolder(parts);
  try {
    await fill(folder);
  } catch (error) {
    await rm(folder, { recursive: true });
    throw error;
  }
  return folder;
}

/** Every run under reports/, by name. */
export async function runFolders(): Promise<readonly string[]> {
  const entries = await readdir(reportsFolder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && /^\d{4}-/.test(entry.name))
    .map(({ name }) => path.join(reportsFolder, name))
    .sort();
}
