import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { whyNotServing } from '../deploy/serving-image.ts';

const image = `registry.example/ticketing-service@sha256:${'a'.repeat(64)}`;
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serving-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const container = (component: string, { image: of = 'sha256:new', health = 'healthy' } = {}) => ({
  Name: `/ticketing-prod-${component}`,
  Image: of,
  State: { Status: 'running', Health: { Status: health } },
  Config: { Labels: { 'ticketing.stack': 'prod', 'ticketing.component': component } },
});

const good = {
  image: [{ Id: 'sha256:new', Config: { Labels: { 'org.opencontainers.image.revision': 'c0ffee' } } }] as unknown,
  containers: [
    container('api-1'),
    container('api-2'),
    container('worker-1'),
    // What carries its files is never started.
    { ...container('api-1-files', { image: 'sha256:old' }), State: { Status: 'created' } },
  ] as readonly unknown[],
  /** What the proxy answers, by path; no answer: `wget` fails. */
  answers: { performances: '[]', version: '{"commit":"c0ffee"}' } as Readonly<Record<string, string>>,
};

/** A `docker` whose engine has these. */
async function lookAt({ image: inspected, containers, answers }: typeof good): Promise<string | undefined> {
  const files = { image: inspected, containers };
  for (const [name, value] of Object.entries(files)) await writeFile(join(folder, name), JSON.stringify(value));
  for (const [path, answer] of Object.entries(answers)) await writeFile(join(folder, path), answer);
  const program = `#!/bin/sh
cd '${folder}'
case "$1 $2" in
  'image inspect') [ "$3" = '${image}' ] && [ "$(cat image)" != '[]' ] && cat image ;;
  'ps --all') [ "$(cat containers)" = '[]' ] || echo 1 ;;
  'inspect --type=container') cat containers ;;
  'exec ticketing-prod-proxy') for url; do :; done; cat "\${url##*/}" ;;
  *) echo "docker was asked for $*" >&2; exit 64 ;;
esac
`;
  await writeFile(join(folder, 'docker'), program);
  await chmod(join(folder, 'docker'), 0o755);
  const environment = { PATH: [folder, process.env['PATH']].join(delimiter) };
  return whyNotServing({ stackName: 'prod', environment }, image, { withinSeconds: 0 });
}

describe('an image', () => {
  test('serves when every replica runs it, is healthy, and answers through the proxy as its commit', async () => {
    expect(await lookAt(good)).toBeUndefined();
  });

  test.each([
    ['is not on the engine', { image: [] }, 'the engine has no image registry.example'],
    ['does not say its commit', { image: [{ Id: 'sha256:new', Config: {} }] }, 'has no label org.opencontainers'],
    ['has no container', { containers: [] }, 'no container has the label=ticketing.stack=prod'],
    ['has no replica', { containers: [container('proxy')] }, 'has no replica of the service'],
    [
      'is not what a worker runs',
      { containers: [container('api-1'), container('worker-1', { image: 'sha256:old' })] },
      '/ticketing-prod-worker-1 runs sha256:old, and not registry.example',
    ],
    [
      'is not healthy in one replica',
      { containers: [container('api-1'), container('api-2', { health: 'starting' })] },
      '/ticketing-prod-api-2 is running, starting',
    ],
    ['does not answer', { answers: { version: good.answers['version'] ?? '' } }, 'GET /performances fails'],
    ['does not tell its version', { answers: { performances: '[]' } }, 'GET /version fails'],
    [
      'serves another commit than it was built from',
      { answers: { ...good.answers, version: '{"commit":"decaf"}' } },
      'says commit decaf, the image is of c0ffee',
    ],
  ])('does not serve when it %s', async (_what, change, why) => {
    expect(await lookAt({ ...good, ...change })).toContain(why);
  });
});
