import { join } from 'node:path';

import { execa } from 'execa';

import { nameOnEngine } from '../components/stack-context.ts';
import { type BackupManifest, readManifest } from './backup-manifest.ts';
import { DeployError } from './deploy-error.ts';
import { docker, listParts, type StackOnEngine, untilPartsHealthy } from './stack-parts.ts';

/**
 * Puts a backup in the place of what a stack that is up has: nothing of the service runs meanwhile, and the cache begins
 * empty. Can be done again when it was interrupted.
 * @throws {DeployError} before anything is changed when the folder is no whole backup, or is one of another database
 */
export async function restore(
  stack: StackOnEngine,
  { folder, onStep }: { readonly folder: string; readonly onStep: (step: string) => void },
): Promise<BackupManifest> {
  const manifest = await readManifest(folder);
  const parts = await listParts(stack);
  const database = parts.includes('postgres') ? 'postgres' : 'sqlite';
  if (manifest.database !== database)
    throw new DeployError(`${folder} has a database of ${manifest.database}, the stack ${stack.stackName} ${database}`);
  const service = parts.filter((part) => /^(api|worker)-\d+$/.test(part));
  const named = (names: readonly string[]): string[] => names.map((part) => nameOnEngine(stack, part));

  onStep(`stopping ${service.join(', ')}`);
  await docker(stack, 'stop', ...named(service));
  onStep('the queue');
  await docker(stack, 'stop', ...named(['redis-queue']));
  await fill(stack, { file: join(folder, manifest.files.queue.name), ...unpackQueue });
  await docker(stack, 'start', ...named(['redis-queue']));
  onStep('the database');
  await restoreDatabase(stack, database, join(folder, manifest.files.database.name));
  onStep('emptying the cache');
  await docker(stack, 'restart', ...named(['redis-cache']));
  await untilPartsHealthy(stack, ['redis-queue', 'redis-cache']);
  onStep(`starting ${service.join(', ')}`);
  await docker(stack, 'start', ...named(service));
  await untilPartsHealthy(stack, service);
  return manifest;
}

async function restoreDatabase(stack: StackOnEngine, database: 'postgres' | 'sqlite', file: string): Promise<void> {
  if (database === 'sqlite') return fill(stack, { file, ...replaceSqlite });
  const inPostgres = ['exec', '--interactive', nameOnEngine(stack, 'postgres')];
  const asSuperuser = ['--host=/var/run/postgresql', '--username=postgres'];
  const makeAnew = ['drop database if exists ticketing with (force)', 'create database ticketing owner ticketing'];
  const statements = makeAnew.map((statement) => `--command=${statement}`);
  const psql = ['psql', '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1'];
  await docker(stack, ...inPostgres, ...psql, ...asSuperuser, ...statements);
  const pgRestore = ['pg_restore', '--exit-on-error', '--single-transaction', '--dbname=ticketing'];
  await execa('docker', [...inPostgres, ...pgRestore, ...asSuperuser], { env: stack.environment, inputFile: file });
}

interface Filling {
  /** Whose image and volume it is. */
  readonly part: string;
  readonly volume: string;
  readonly user: string;
  readonly command: readonly [entrypoint: string, ...args: string[]];
}

const unpackQueue: Filling = {
  part: 'redis-queue',
  volume: 'redis-queue-data',
  user: 'redis',
  command: ['sh', '-c', 'rm -rf /data/appendonlydir && tar -x -C /data -f -'],
};

const replaceSqlite: Filling = {
  part: 'api-1',
  volume: 'sqlite-data',
  user: '10001:10001',
  command: [
    'node',
    '--input-type=module',
    '--eval',
    `import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
await pipeline(process.stdin, createWriteStream('/data/restored.db'));
for (const ending of ['-wal', '-shm']) rmSync('/data/ticketing.db' + ending, { force: true });
renameSync('/data/restored.db', '/data/ticketing.db');`,
  ],
};

/** A file into the volume of a part that does not run, by a container of its image. */
async function fill(stack: StackOnEngine, { file, part, volume, user, command }: Filling & { readonly file: string }) {
  const image = await docker(stack, 'inspect', '--format={{.Image}}', nameOnEngine(stack, part));
  const [entrypoint, ...args] = command;
  const removed = ['--rm', '--interactive', `--label=ticketing.stack=${stack.stackName}`];
  const confined = ['--network=none', '--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges'];
  const its = [`--user=${user}`, `--volume=${nameOnEngine(stack, volume)}:/data`, `--entrypoint=${entrypoint}`];
  await execa('docker', ['run', ...removed, ...confined, ...its, image, ...args], {
    env: stack.environment,
    inputFile: file,
  });
}
