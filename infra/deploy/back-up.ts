import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { execa } from 'execa';

import { filesFolder } from '../components/container-files.ts';
import { nameOnEngine } from '../components/stack-context.ts';
import { type BackupManifest, describeFile, writeManifest } from './backup-manifest.ts';
import { listParts, type StackOnEngine } from './stack-parts.ts';

/**
 * Copies the queue and the database of a stack that is up, and goes on, into a new folder: the queue first. What a
 * worker has done in between is in the database, and its job, which is in the copy of the queue as well, is found done
 * when it comes again. The other way round it would be in neither.
 */
export async function backUp(
  stack: StackOnEngine,
  { folder, onStep }: { readonly folder: string; readonly onStep: (step: string) => void },
): Promise<BackupManifest> {
  const database = (await listParts(stack)).includes('postgres') ? 'postgres' : 'sqlite';
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const takenAt = new Date().toISOString();
  onStep('the queue');
  await save(stack, join(folder, queueFile), ['redis-queue', 'sh', '-c', copyQueue]);
  onStep('the database');
  const file = database === 'postgres' ? 'database.dump' : 'database.sqlite';
  await save(stack, join(folder, file), database === 'postgres' ? dumpPostgres : copySqlite);
  const manifest = {
    stack: stack.stackName,
    takenAt,
    database,
    files: { queue: await describeFile(folder, queueFile), database: await describeFile(folder, file) },
  } as const;
  await writeManifest(folder, manifest);
  return manifest;
}

const queueFile = 'queue.tar';

/**
 * As Redis's manual has it ("Backing up AOF persistence"): no rewrite begins while the files are copied, one that is
 * under way is waited for. The last file may grow meanwhile; tar keeps the length that it had, and Redis drops a last
 * command that is cut. In one process of the container, which puts the setting back also when nobody listens any more.
 */
const copyQueue = `set -eu
export REDISCLI_AUTH="$(cat ${filesFolder}/password)"
setting=auto-aof-rewrite-percentage
before=$(redis-cli config get $setting | tail -n 1)
trap 'redis-cli config set $setting "$before" >/dev/null' EXIT
redis-cli config set $setting 0 >/dev/null
while redis-cli info persistence | grep -Eq 'aof_rewrite_(in_progress|scheduled):1'; do sleep 0.2; done
tar -c -C /data -f - appendonlydir
`;

/** One consistent snapshot, in pg_dump's own compressed format. */
const dumpPostgres = [
  'postgres',
  'pg_dump',
  '--host=/var/run/postgresql',
  '--username=postgres',
  '--format=custom',
  'ticketing',
];

/** SQLite's own online backup, beside the database: only there is room for it. */
const copySqlite = [
  'api-1',
  'node',
  '--input-type=module',
  '--eval',
  `import { createReadStream, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import Database from 'better-sqlite3';
const copy = '/data/backup-' + process.pid + '.db';
try {
  const database = new Database('/data/ticketing.db', { readonly: true });
  await database.backup(copy);
  database.close();
  await pipeline(createReadStream(copy), process.stdout);
} finally {
  rmSync(copy, { force: true });
}`,
];

/** What a command in a part prints, to a file. Rejects with its words when it fails. */
async function save(stack: StackOnEngine, path: string, [part = '', ...command]: readonly string[]): Promise<void> {
  const running = execa('docker', ['exec', nameOnEngine(stack, part), ...command], {
    env: stack.environment,
    buffer: { stdout: false },
    encoding: 'buffer',
  });
  await Promise.all([pipeline(running.stdout, createWriteStream(path, { mode: 0o600 })), running]);
}
