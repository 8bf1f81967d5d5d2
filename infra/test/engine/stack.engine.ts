import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { inspectContainers, readState } from '../../deploy/deployed-containers.ts';
import { deploy, destroy } from '../../deploy/deploy-stack.ts';
import { findDrift, findEditedFiles } from '../../deploy/drift.ts';
import type { Session } from '../../deploy/stack-session.ts';
import { countTouched, deployTrial, docker, isAnswering, openTrial, partsOf } from './trial-stack.ts';

const engine = inject('engine');
let stateFolder = '';
const silently = { onOutput: () => {}, onStep: () => {} };

/** What `make up` would repair before it deploys. */
async function drifts(session: Session): Promise<readonly string[]> {
  const { containers } = await readState(session);
  const actual = await inspectContainers(
    session,
    containers.map(({ name }) => name),
  );
  const found = [...findDrift(containers, actual), ...(await findEditedFiles(session, containers, actual))];
  return found.map(({ name, what }) => `${name} ${what}`);
}

describe.skipIf(engine?.hasPulumi !== true)('a stack on a real engine', () => {
  let session: Session;

  beforeAll(async () => {
    stateFolder = await mkdtemp(join(tmpdir(), 'stacks-'));
    session = await openTrial('trial', stateFolder);
  });

  afterAll(async () => {
    await rm(stateFolder, { recursive: true, force: true });
  });

  test('comes up with everything healthy within 60 s', async () => {
    const started = performance.now();
    const { outputs } = await deployTrial(session);
    expect((performance.now() - started) / 1_000).toBeLessThan(60);
    expect(await isAnswering(outputs)).toBe(true);
  });

  test('is changed by no second, and no third deployment', async () => {
    expect(countTouched(await deployTrial(session))).toBe(0);
    expect(countTouched(await deployTrial(session))).toBe(0);
  });

  test('has not drifted, five times asked', async () => {
    for (let time = 0; time < 5; time++) expect(await drifts(session)).toEqual([]);
  });

  const name = (part: string): string => `ticketing-trial-${part}`;
  const faults: readonly (readonly [what: string, hurt: () => Promise<unknown>])[] = [
    ['killed', () => docker('kill', name('api-1'))],
    ['removed', () => docker('rm', '--force', name('worker-1'))],
    ['paused', () => docker('pause', name('redis-cache'))],
    ['disconnected', () => docker('network', 'disconnect', name('network'), name('redis-queue'))],
    ['given more memory', () => docker('update', '--memory=300m', '--memory-swap=300m', name('redis-cache'))],
    ['given another restart policy', () => docker('update', '--restart=no', name('api-1'))],
    ['renamed', () => docker('rename', name('worker-1'), 'somebody-else')],
    [
      'joined by a container that nobody made',
      () =>
        docker(
          'run',
          '--detach',
          '--label=ticketing.stack=trial',
          '--name=stranger',
          String(engine?.images.redis),
          'redis-server',
        ),
    ],
    [
      'replaced by another with other ports and variables',
      async () => {
        await docker('rm', '--force', name('redis-cache'));
        await docker(
          'run',
          '--detach',
          `--name=${name('redis-cache')}`,
          '--publish=127.0.0.1::1',
          '--env=A=b',
          String(engine?.images.redis),
          'redis-server',
        );
      },
    ],
    [
      'deprived of a volume',
      async () => {
        await docker('rm', '--force', name('redis-cache'), name('redis-cache-files'));
        await docker('volume', 'rm', name('redis-cache-files'));
      },
    ],
    [
      'given another image under its tag',
      async () => {
        const tag = String(engine?.images.redis);
        const { stdout } = await execa('docker', ['commit', '--change=LABEL moved=yes', name('redis-cache')]);
        await docker('tag', stdout.trim(), tag);
      },
    ],
    [
      'edited in a file that it was given',
      () =>
        docker(
          'run',
          '--rm',
          '--user=0',
          `--volume=${name('api-1-files')}:/files`,
          '--entrypoint=sh',
          String(engine?.images.redis),
          '-c',
          'chmod u+w /files/api-token; echo other > /files/api-token',
        ),
    ],
  ];

  test.each(faults)('is repaired by one deployment after a part was %s', async (_what, hurt) => {
    await hurt();
    const { outputs } = await deployTrial(session);
    expect(await isAnswering(outputs)).toBe(true);
    expect(await drifts(session)).toEqual([]);
    expect(countTouched(await deployTrial(session))).toBe(0);
  });

  test('is refused when it violates a policy, before anything is changed', async () => {
    const before = await partsOf('trial');
    const images = { ...engine?.images, redis: 'local/redis:latest' };
    await docker('tag', String(engine?.images.redis), images.redis);
    await session.stack.setConfig('ticketing:images', { value: JSON.stringify(images) });
    await expect(deploy(session, silently)).rejects.toThrow(
      /nothing was changed:\n.*\[mandatory\] +image-tagged.*redis-image.*\n.*\n.*give it the tag of a version/,
    );
    expect(await partsOf('trial')).toEqual(before);
    await session.stack.setConfig('ticketing:images', { value: JSON.stringify(engine?.images) });
    expect(countTouched(await deploy(session, silently))).toBe(0);
  });

  test('takes another password for the database, and keeps its data', async () => {
    const url = String((await session.stack.outputs())['apiUrl']?.value);
    const token = (await session.stack.getConfig('ticketing:apiToken')).value;
    const venue = await fetch(`${url}/venues`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Charlotte Theater', city: 'Seoul' }),
    });
    expect(venue.status).toBe(201);
    await session.stack.setConfig('ticketing:databasePassword', { value: 'another-password-0123456789', secret: true });
    expect(await isAnswering((await deployTrial(session)).outputs)).toBe(true);
    const count = await docker(
      'exec',
      name('postgres'),
      'psql',
      '--username=postgres',
      '--host=/var/run/postgresql',
      '--tuples-only',
      '--command=select count(*) from venues',
      'ticketing',
    );
    expect(count.trim()).toBe('1');
  });

  test('stands beside another stack, and leaves it alone when it goes', async () => {
    const other = await openTrial('beside', stateFolder);
    expect(await isAnswering((await deployTrial(other)).outputs)).toBe(true);
    expect(countTouched(await deployTrial(session))).toBe(0);
    await destroy(other, silently);
    expect(await partsOf('beside')).toEqual([]);
    expect(countTouched(await deployTrial(session))).toBe(0);
  });

  test('leaves nothing when it goes', async () => {
    await destroy(session, silently);
    expect(await partsOf('trial')).toEqual([]);
  });
});
