import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { RunningVariant } from '../environments/environment.ts';
import type { KnownBurn } from './known-burn.ts';

const requests = 60;
/** That no thread of the database has a part in: who counts the whole process is off by what they cost. */
const requestsWithoutDatabase = 400;
const atOnce = 4;

/** Of the service that is to burn; the threads write to the file. */
export function configurationOfBurnInSqlite(file: string): Readonly<Record<string, string>> {
  return {
    PERFORMANCE_CACHE: 'off',
    NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'burn-in-sqlite-thread.ts')).href}`,
    KNOWN_BURN_FILE: file,
  };
}

/** Reads of performances, each of which burns in a thread: see burn-in-sqlite-thread.ts. */
export async function openBurnInSqlite({ apiUrl }: Pick<RunningVariant, 'apiUrl'>, file: string): Promise<KnownBurn> {
  const ask = async (path: string, count: number): Promise<void> => {
    let left = count;
    const lane = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const response = await fetch(new URL(path, apiUrl));
        if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`);
        await response.arrayBuffer();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
  };
  const read = (count: number): Promise<void> => ask('/performances/1', count);
  await writeFile(file, '');
  // So many at once that no thread is left out.
  await read(4 * atOnce);
  const threads = (await readClocks(file)).size;
  return {
    description: `${threads} threads that read at once`,
    clocks: () => readClocks(file),
    async burn() {
      await read(requests);
      await ask('/version', requestsWithoutDatabase);
      const burned = (await readClocks(file)).size;
      if (burned !== threads) throw new Error(`${burned} threads have burned, and ${threads} were warmed up`);
      return 1;
    },
    comeAndGo: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

async function readClocks(file: string): Promise<Map<string, number>> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  return new Map(
    lines.map((line) => line.split(' ')).map(([id = '', microseconds]) => [id, Number(microseconds) / 1e6]),
  );
}
