import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { backUp } from '../../deploy/back-up.ts';
import { restore } from '../../deploy/restore.ts';
import { canaries, captureStack, idOfImage } from '../captured-stack.ts';
import { settingsOf } from '../committed-settings.ts';
import { runGraph } from './run-graph.ts';
import { docker } from './trial-stack.ts';

const engine = inject('engine');
const headers = { authorization: `Bearer ${canaries.apiToken}`, 'content-type': 'application/json' };
const seatingPlan = {
  floors: [
    {
      name: '1F',
      sections: [{ name: 'A', grade: 'VIP', blocks: [{ rows: { from: 1, to: 10 }, seats: { from: 1, to: 20 } }] }],
    },
  ],
};
const seatsOfHall = 200;

describe.skipIf(engine === undefined).each([
  ['postgres', { workerReplicas: 1 }],
  ['sqlite', { workerReplicas: 0 }],
] as const)('a backup of a stack with %s', (database, settings) => {
  const stackName = `backup${database}`;
  const stack = { stackName, environment: {} };
  const name = (part: string): string => `ticketing-${stackName}-${part}`;
  /** With SQLite the one process that takes jobs is the one that takes requests as well. */
  const hasWorker = database === 'postgres';
  const stopWorker = async (): Promise<unknown> => (hasWorker ? docker('stop', name('worker-1')) : undefined);
  const startWorker = async (): Promise<unknown> => (hasWorker ? docker('start', name('worker-1')) : undefined);
  const silently = { onStep: () => {} };
  let folder = '';
  let api = '';
  let down: () => Promise<void>;

  /** A new stack, with nothing of a former one. */
  async function up(): Promise<void> {
    const resources = await captureStack(
      stackName,
      {
        ...(await settingsOf('dev')),
        ...settings,
        database,
        images: engine?.images,
        serviceImage: engine?.serviceImage.tag,
        monitoring: false,
        grafana: false,
      },
      { revealsSecrets: true },
    );
    const named = (type: string) => resources.filter((resource) => resource.type.endsWith(type));
    const images = Object.fromEntries(
      named(':RemoteImage').map(({ name: image, inputs }) => [idOfImage(image), String(inputs['name'])]),
    );
    const containers = await runGraph(resources, images);
    down = async () => {
      await docker('rm', '--force', ...containers);
      await docker('volume', 'rm', ...named(':Volume').map(({ inputs }) => String(inputs['name'])));
      await docker('network', 'rm', ...named(':Network').map(({ inputs }) => String(inputs['name'])));
    };
    await find();
  }

  async function find(): Promise<void> {
    api = `http://${await docker('port', name('api-1'), '3000')}`;
  }

  async function post(path: string, body?: unknown, more: Readonly<Record<string, string>> = {}): Promise<Response> {
    const response = await fetch(`${api}${path}`, {
      method: 'POST',
      headers: { ...headers, ...more },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(response.status).toBeLessThan(300);
    return response;
  }

  const requestSeats = async (hall: number): Promise<string> =>
    (await post(`/halls/${hall}/seats`, undefined, { 'idempotency-key': `hall-${hall}` })).headers.get('location') ??
    '';
  const stateOf = async (operation: string): Promise<unknown> => {
    const answer: unknown = await (await fetch(`${api}${operation}`)).json();
    return typeof answer === 'object' && answer !== null && 'state' in answer ? answer.state : answer;
  };
  const untilDone = async (operation: string): Promise<void> => {
    await expect.poll(() => stateOf(operation), { timeout: 30_000 }).toBe('done');
  };
  const seatsOf = async (hall: number): Promise<number> => {
    const sql = `select count(*) as n from seats where hall_id = ${hall}`;
    return Number(
      database === 'postgres'
        ? await docker(
            'exec',
            name('postgres'),
            'psql',
            '--username=postgres',
            '--host=/var/run/postgresql',
            '--tuples-only',
            '--no-align',
            `--command=${sql}`,
            'ticketing',
          )
        : await docker(
            'exec',
            name('api-1'),
            'node',
            '--eval',
            `console.log(require('better-sqlite3')('/data/ticketing.db', { readonly: true }).prepare('${sql}').get().n)`,
          ),
    );
  };

  beforeAll(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'backup-')), 'one');
    await up();
  });

  afterAll(async () => {
    await down();
    await rm(join(folder, '..'), { recursive: true });
  });

  test('brings database and queue into a fresh stack, where what was pending is done, once', async () => {
    await post('/venues', { name: 'Charlotte Theater', city: 'Seoul' });
    for (const hall of ['Main hall', 'Small hall', 'Studio'])
      await post('/venues/1/halls', { name: hall, seatingPlan });
    const done = await requestSeats(1);
    await untilDone(done);
    await stopWorker();
    const pending = await requestSeats(2);
    await backUp(stack, { folder, ...silently });
    const afterBackup = await requestSeats(3);
    await startWorker();
    await untilDone(afterBackup);
    await down();

    await up();
    expect(await seatsOf(1)).toBe(0);
    await restore(stack, { folder, ...silently });
    await find();
    await untilDone(pending);
    expect(await stateOf(done)).toBe('done');
    // What was asked for after the backup is in neither; what was done, or taken up, before it is there once.
    expect([await seatsOf(1), await seatsOf(2), await seatsOf(3)]).toEqual([seatsOfHall, seatsOfHall, 0]);
    // Of the restored stack everything goes on.
    await untilDone(await requestSeats(3));
    expect(await seatsOf(3)).toBe(seatsOfHall);
  });

  test('leaves the queue as it was: what rewrites its file goes on', async () => {
    const setting = await docker(
      'exec',
      `--env=REDISCLI_AUTH=${canaries.redisQueuePassword}`,
      name('redis-queue'),
      'redis-cli',
      'config',
      'get',
      'auto-aof-rewrite-percentage',
    );
    expect(setting).toBe('auto-aof-rewrite-percentage\n100');
  });

  test('is refused when one of its files is not what was written, before anything is changed', async () => {
    await writeFile(join(folder, 'queue.tar'), 'cut');
    await expect(restore(stack, { folder, ...silently })).rejects.toThrow(/queue\.tar is not what was backed up/);
    expect(await docker('inspect', '--format={{.State.Running}}', name('api-1'))).toBe('true');
  });
});
