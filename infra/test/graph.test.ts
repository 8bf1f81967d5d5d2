import { describe, expect, test } from 'vitest';

import { searchTool } from '../../benchmarks/toolchain/locate-tool.ts';
import { defaultImages } from '../images.ts';
import { canaries, type CapturedResource, captureStack, hidden } from './captured-stack.ts';
import { settingsOf } from './committed-settings.ts';

/** One resource after the other, for a person to read; of carried files their names, whose texts are reviewed where they are. */
function describeGraph(resources: readonly CapturedResource[]): string {
  return JSON.stringify(
    resources,
    (key, value: unknown) => (key === 'content' && value !== hidden ? '[text]' : value),
    2,
  );
}

describe.each(['dev', 'bench', 'prod'])('the stack %s', (stackName) => {
  test('asks for exactly the resources that were reviewed', async () => {
    const resources = await captureStack(stackName, await settingsOf(stackName));
    await expect(`${describeGraph(resources)}\n`).toMatchFileSnapshot(`graphs/${stackName}.txt`);
  });

  test('hands no secret to the engine in clear', async () => {
    const text = JSON.stringify(await captureStack(stackName, await settingsOf(stackName)));
    for (const canary of Object.values(canaries)) expect(text).not.toContain(canary);
    expect(text).toContain(hidden);
  });
});

test('the look for secrets finds one that is in clear', async () => {
  const settings = { ...(await settingsOf('dev')), serviceVariables: { LOG_LEVEL: canaries.apiToken } };
  expect(JSON.stringify(await captureStack('dev', settings))).toContain(canaries.apiToken);
});

test('in prod a volume with data can’t be deleted, and in dev it can', async () => {
  const volumes = async (stackName: string) =>
    (await captureStack(stackName, await settingsOf(stackName))).filter(
      ({ type, name }) => type === 'docker:index/volume:Volume' && name.endsWith('-data'),
    );
  const ofProd = await volumes('prod');
  expect(ofProd.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['postgres-data', 'prometheus-data', 'redis-queue-data']),
  );
  expect(ofProd.every(({ isProtected }) => isProtected)).toBe(true);
  expect((await volumes('dev')).some(({ isProtected }) => isProtected)).toBe(false);
});

test('the replicas of the api are replaced one after the other, after the migration', async () => {
  const resources = await captureStack('prod', await settingsOf('prod'));
  const waits = (name: string) =>
    resources.find((one) => one.type.endsWith('Container') && one.name === name && one.type.startsWith('docker'))
      ?.waitsFor;
  expect(waits('api-1')).toContain('migration');
  expect(waits('api-1-in-rotation')).toEqual(expect.arrayContaining(['api-1', 'proxy']));
  expect(waits('api-2')).toContain('api-1-in-rotation');
  expect(waits('api-2-files')).toContain('api-1-in-rotation');
  expect(waits('worker-1')).toContain('migration');
  expect(waits('worker-2')).toContain('worker-1');
});

test('a replica drains before it closes where a proxy stands before it, and nowhere else', async () => {
  const drains = async (stackName: string) =>
    (await captureStack(stackName, await settingsOf(stackName)))
      .filter(({ inputs }) => JSON.stringify(inputs['envs'] ?? []).includes('SHUTDOWN_DRAIN_MS='))
      .map(({ name }) => name);
  expect(await drains('prod')).toEqual(['api-1', 'api-2']);
  expect(await drains('dev')).toEqual([]);
});

test('with SQLite there is one process, its file on a volume, and no PostgreSQL', async () => {
  const resources = await captureStack('dev', {
    ...(await settingsOf('dev')),
    database: 'sqlite',
    workerReplicas: 0,
  });
  const names = resources.filter(({ type }) => type.startsWith('docker:')).map(({ name }) => name);
  expect(names).toContain('sqlite-data');
  expect(names.filter((name) => /postgres|worker/.test(name))).toEqual([]);
});

test('the majors of Redis and PostgreSQL are those that the lab measures on this machine', async () => {
  const major = (text: string | undefined) => /(\d+)\./.exec(text ?? '')?.[1];
  const redis = await searchTool('redis-server');
  const postgres = await searchTool('postgres');
  expect(major(defaultImages.redis)).toBe(major(redis.tool?.version));
  expect(major(defaultImages.postgres)).toBe(major(postgres.tool?.version));
});
