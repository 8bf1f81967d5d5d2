import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgresServer } from '../benchmarks/environments/postgres-server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of a superuser on the test run's own PostgreSQL; each test creates databases of its own. */
    postgresUrl: string;
  }
}

/** One PostgreSQL for the whole test run; nothing in it outlives the run, so nothing waits for the disk. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'ticketing-test-'));
  const removeDirectory = (): Promise<void> => rm(directory, { recursive: true });
  const server = await startPostgresServer({
    directory,
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
  }).catch(async (error: unknown) => {
    await removeDirectory();
    throw error;
  });
  provide('postgresUrl', server.connectionString('postgres'));
  return async () => {
    await server.stop();
    await removeDirectory();
  };
}
