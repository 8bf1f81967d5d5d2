import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { z } from 'zod';

import { buildServiceImage } from '../../deploy/service-image.ts';
import { canaries, captureStack, idOfImage } from '../captured-stack.ts';
import { settingsOf } from '../committed-settings.ts';
import { runGraph, untilHealthy } from './run-graph.ts';

const engine = inject('engine');
const docker = async (...args: readonly string[]): Promise<string> => (await execa('docker', args)).stdout;
const runConfined = (name: string, ...args: readonly string[]) =>
  docker(
    'run',
    '--detach',
    `--name=${name}`,
    '--read-only',
    '--cap-drop=ALL',
    '--security-opt=no-new-privileges',
    '--memory=256m',
    '--cpus=1',
    ...args,
  );
const inspectionSchema = z.tuple([
  z.looseObject({
    State: z.object({ ExitCode: z.int(), OOMKilled: z.boolean() }),
    Config: z.looseObject({ User: z.string(), Labels: z.record(z.string(), z.string()) }),
  }),
]);

describe.skipIf(engine === undefined)('the image of the service', () => {
  const { tag, id, commit } = engine?.serviceImage ?? { tag: '', id: '', commit: '' };
  const sqlite = [
    '--tmpfs=/data:uid=10001',
    '--env=DATABASE_URL=sqlite:/data/t.db',
    '--env=API_TOKEN=0123456789abcdef',
  ];

  afterAll(async () => {
    const ours = (await docker('ps', '--all', '--quiet', '--filter=name=^image-'))
      .split('\n')
      .filter((line) => line !== '');
    if (ours.length > 0) await docker('rm', '--force', ...ours);
  });

  test('runs as a user that is not root, and tells its commit', async () => {
    const [{ Config }] = inspectionSchema.parse([
      { State: { ExitCode: 0, OOMKilled: false }, ...JSON.parse(await docker('image', 'inspect', tag))[0] },
    ]);
    expect(Config.User).toBe('10001:10001');
    expect(Config.Labels['org.opencontainers.image.revision']).toBe(commit);
  });

  test.each(['sh', 'npm', 'git', 'cc', 'python3'])('has no %s', async (program) => {
    const { exitCode } = await execa(
      'docker',
      ['run', '--rm', '--network=none', `--entrypoint=${program}`, tag, '--version'],
      { reject: false },
    );
    expect(exitCode).toBe(127);
  });

  test('has Node.js, which the look for programs finds', async () => {
    expect(await docker('run', '--rm', '--network=none', '--entrypoint=node', tag, '--version')).toMatch(/^v24\./);
  });

  test('is the same image when it is built again', async () => {
    await docker('rmi', tag);
    const again = await buildServiceImage({ ...engine?.bases, network: 'host', onLine: () => {} });
    expect(again).toMatchObject({ tag, id });
  });

  test('becomes healthy with a read-only root and no capability, and stops within its grace', async () => {
    await runConfined('image-healthy', ...sqlite, tag);
    await untilHealthy('image-healthy');
    const started = performance.now();
    await docker('stop', '--time=15', 'image-healthy');
    const [{ State }] = inspectionSchema.parse(JSON.parse(await docker('inspect', 'image-healthy')));
    expect(State).toMatchObject({ ExitCode: 0, OOMKilled: false });
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  test('is not healthy while its database is out of reach', async () => {
    await runConfined(
      'image-without-database',
      '--env=API_TOKEN=0123456789abcdef',
      '--env=DATABASE_URL=postgres://nobody:none@127.0.0.1:1/none',
      tag,
    );
    expect(await docker('wait', 'image-without-database')).toBe('1');
  });

  test('says what is wrong with its configuration, and ends with 78', async () => {
    await runConfined('image-misconfigured', '--env=PORT=many', tag);
    expect(await docker('wait', 'image-misconfigured')).toBe('78');
    const { all } = await execa('docker', ['logs', 'image-misconfigured'], { all: true });
    expect(all).toContain('PORT must be a whole number');
  });

  test('can’t write anywhere but to its volume', async () => {
    const write = (path: string) =>
      execa(
        'docker',
        [
          'run',
          '--rm',
          '--read-only',
          '--network=none',
          '--tmpfs=/data:uid=10001',
          tag,
          '-e',
          `fs.writeFileSync('${path}/x', '')`,
        ],
        { reject: false },
      );
    expect((await write('/data')).exitCode).toBe(0);
    expect((await write('/app')).exitCode).not.toBe(0);
    expect((await write('/tmp')).exitCode).not.toBe(0);
  });
});

describe.skipIf(engine === undefined)('all containers of a stack, made with docker alone', () => {
  let names: readonly string[] = [];
  let api = '';

  beforeAll(async () => {
    if (engine === undefined) return;
    const settings = {
      ...(await settingsOf('dev')),
      images: engine.images,
      serviceImage: engine.serviceImage.tag,
      grafana: false,
    };
    const resources = await captureStack('dev', settings, { revealsSecrets: true });
    const references = Object.fromEntries(
      resources
        .filter(({ type }) => type === 'docker:index/remoteImage:RemoteImage')
        .map(({ name, inputs }) => [idOfImage(name), String(inputs['name'])]),
    );
    names = await runGraph(resources, references);
    api = `http://${await docker('port', 'ticketing-dev-api-1', '3000')}`;
  });

  const write = async (
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> =>
    fetch(`${api}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${canaries.apiToken}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  test('a seat creation goes through the api, the queue, the worker and the database', async () => {
    expect((await write('/venues', { name: 'Charlotte Theater', city: 'Seoul' })).status).toBe(201);
    const hall = await write('/venues/1/halls', {
      name: 'Main hall',
      seatingPlan: {
        floors: [
          {
            name: '1F',
            sections: [
              { name: 'A', grade: 'VIP', blocks: [{ rows: { from: 1, to: 10 }, seats: { from: 1, to: 20 } }] },
            ],
          },
        ],
      },
    });
    expect(hall.status).toBe(201);
    const accepted = await write('/halls/1/seats', undefined, { 'idempotency-key': 'opening-night' });
    expect(accepted.status).toBe(202);
    const operation = `${api}${accepted.headers.get('location')}`;
    await expect
      .poll(async () => z.object({ state: z.string() }).parse(await (await fetch(operation)).json()).state, {
        timeout: 20_000,
      })
      .toBe('done');
    const worker = await docker('logs', 'ticketing-dev-worker-1');
    expect(worker).toContain('"role":"worker"');
  });

  test('Prometheus reaches everything that it is to read', async () => {
    const prometheus = `http://${await docker('port', 'ticketing-dev-prometheus', '9090')}`;
    const answer = z.object({
      data: z.object({ activeTargets: z.array(z.object({ health: z.string(), scrapeUrl: z.string() })) }),
    });
    await expect
      .poll(
        async () => {
          const { data } = answer.parse(await (await fetch(`${prometheus}/api/v1/targets`)).json());
          return data.activeTargets
            .filter(({ health }) => health === 'up')
            .map(({ scrapeUrl }) => new URL(scrapeUrl).host)
            .toSorted();
        },
        { timeout: 30_000, interval: 500 },
      )
      .toEqual([
        'api-1:3001',
        'localhost:9090',
        'postgres-exporter:9187',
        'redis-cache-exporter:9121',
        'redis-queue-exporter:9121',
        'worker-1:3001',
      ]);
  });

  test('no secret is in inspect, in a log, in a layer or in a metric', async () => {
    const text = await everythingThatShows(names);
    for (const [name, canary] of Object.entries(canaries)) expect(text.includes(canary), `${name} shows`).toBe(false);
    // The control: the files that carry them are there, for who may read the container itself.
    expect(await docker('exec', 'ticketing-dev-redis-cache', 'cat', '/run/ticketing/password')).toBe(
      canaries.redisCachePassword,
    );
  });

  test('Redis and PostgreSQL let nobody in without a password', async () => {
    const redis = await docker('exec', 'ticketing-dev-redis-queue', 'redis-cli', 'ping');
    expect(redis).toContain('NOAUTH');
    const { exitCode, stderr } = await execa(
      'docker',
      [
        'exec',
        'ticketing-dev-postgres',
        'psql',
        '--no-password',
        '--host=127.0.0.1',
        '--username=ticketing',
        '--command=select 1',
      ],
      { reject: false },
    );
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('no password supplied');
  });

  test('the queue is durable and the cache keeps nothing on disk', async () => {
    const ask = (part: string, password: string, ...words: readonly string[]) =>
      docker('exec', `--env=REDISCLI_AUTH=${password}`, `ticketing-dev-${part}`, 'redis-cli', ...words);
    const queue = await ask('redis-queue', canaries.redisQueuePassword, 'config', 'get', 'append*');
    expect(queue).toMatch(/appendfsync\nalways/);
    expect(queue).toMatch(/appendonly\nyes/);
    const cache = await ask('redis-cache', canaries.redisCachePassword, 'config', 'get', '*');
    expect(cache).toMatch(/\nsave\n\n/);
    expect(cache).toMatch(/maxmemory-policy\nallkeys-lfu/);
  });
});

/** What docker and the parts themselves tell of these containers. */
async function everythingThatShows(names: readonly string[]): Promise<string> {
  const texts = [
    await docker('inspect', ...names),
    await docker('history', '--no-trunc', engine?.serviceImage.tag ?? ''),
  ];
  for (const name of names) texts.push((await execa('docker', ['logs', name], { all: true, reject: false })).all);
  for (const part of ['api-1', 'worker-1']) {
    const script = "fetch('http://127.0.0.1:3001/metrics').then((r) => r.text()).then(console.log)";
    texts.push(await docker('exec', `ticketing-dev-${part}`, 'node', '-e', script));
  }
  for (const port of [9121, 9187]) {
    const part = port === 9187 ? 'postgres-exporter' : 'redis-queue-exporter';
    texts.push(
      await docker('exec', `ticketing-dev-${part}`, 'wget', '-q', '-O', '-', `http://127.0.0.1:${port}/metrics`),
    );
  }
  return texts.join('\n');
}
