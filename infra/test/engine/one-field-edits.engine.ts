import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { destroy } from '../../deploy/deploy-stack.ts';
import type { Session } from '../../deploy/stack-session.ts';
import { deployTrial, docker, openTrial } from './trial-stack.ts';

const engine = inject('engine');
const memoryMegabytes = { api: 512, worker: 512, postgres: 512, redisQueue: 256, redisCache: 160 };
const services = ['alertmanager', 'api-1', 'postgres', 'postgres-exporter', 'prometheus', 'redis-cache'];
const others = ['redis-cache-exporter', 'redis-queue', 'redis-queue-exporter', 'worker-1'];

interface Touched {
  readonly create?: readonly string[];
  readonly update?: readonly string[];
  readonly replace?: readonly string[];
  readonly delete?: readonly string[];
}

/** One key of dev's configuration, its other value, and everything that changes with it. */
const edits: readonly (readonly [key: string, value: unknown, touched: Touched])[] = [
  ['apiPort', 39_080, { replace: ['api-1'] }],
  ['prometheusPort', 39_090, { replace: ['prometheus'] }],
  ['prometheusRetentionDays', 8, { replace: ['prometheus'] }],
  ['healthIntervalSeconds', 3, { replace: [...services, ...others] }],
  ['memoryMegabytes', memoryMegabytes, { replace: ['redis-cache'] }],
  ['cpuSets', { service: '0' }, { update: ['api-1', 'migration', 'worker-1'] }],
  ['serviceVariables', { LOG_LEVEL: 'warn' }, { replace: ['api-1', 'worker-1'] }],
  ['serviceImage', 'ticketing-service:another', { replace: ['api-1', 'migration', 'service-image', 'worker-1'] }],
  [
    'workerReplicas',
    2,
    {
      create: ['worker-2', 'worker-2-files', 'worker-2-files'],
      replace: ['prometheus', 'prometheus-files'],
    },
  ],
  ['openPorts', true, { replace: ['api-1', 'prometheus'] }],
  ['probePorts', true, { replace: ['api-1', 'postgres', 'redis-cache', 'redis-queue', 'worker-1'] }],
  [
    'databasePassword',
    'another-password-0123456789',
    {
      replace: [
        'api-1',
        'api-1-files',
        'migration',
        'migration-files',
        'postgres-roles',
        'postgres-roles-files',
        'worker-1',
        'worker-1-files',
      ],
    },
  ],
  ['alertWebhookUrl', 'http://127.0.0.1:9/alerts', { replace: ['alertmanager', 'alertmanager-files'] }],
];
const secrets = new Set(['databasePassword', 'alertWebhookUrl']);

describe.skipIf(engine?.hasPulumi !== true)('an edit of one field', () => {
  let stateFolder = '';
  let session: Session;

  beforeAll(async () => {
    stateFolder = await mkdtemp(join(tmpdir(), 'stacks-'));
    await docker('create', '--name=another', engine?.serviceImage.tag ?? '');
    await docker('commit', '--change=LABEL another=yes', 'another', 'ticketing-service:another');
    await docker('rm', 'another');
    session = await openTrial('edited', stateFolder, { monitoring: true });
    await deployTrial(session);
  });

  afterAll(async () => {
    await destroy(session, { onOutput: () => {}, onStep: () => {} });
    await rm(stateFolder, { recursive: true, force: true });
  });

  /** What a preview says would be done, by name. */
  async function previewed(): Promise<Touched> {
    const operations = new Map<string, string>();
    await session.stack.preview({
      onEvent: ({ resourcePreEvent: event }) => {
        if (event === undefined || !event.metadata.type.startsWith('docker:') || event.metadata.op === 'same') return;
        const { op, urn } = event.metadata;
        // A replacement is announced as its parts, too.
        operations.set(urn, /replace/.test(op) ? 'replace' : op);
      },
    });
    const byOperation = Map.groupBy(operations, ([, operation]) => operation);
    return Object.fromEntries(
      [...byOperation].map(([operation, entries]) => [
        operation,
        entries.map(([urn]) => urn.split('::').at(-1) ?? '').toSorted(),
      ]),
    );
  }

  test('that is none touches nothing', async () => {
    expect(await previewed()).toEqual({});
  });

  test.each(edits)('%s to %j touches what it is about, and nothing else', async (key, value, touched) => {
    const { stack } = session;
    const name = `ticketing:${key}`;
    const before = (await stack.getAllConfig())[name];
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    await stack.setConfig(name, { value: text, secret: secrets.has(key) });
    try {
      const expected = Object.entries(touched).map(([op, names]: [string, readonly string[]]) => [
        op,
        names.toSorted(),
      ]);
      expect(await previewed()).toEqual(Object.fromEntries(expected));
    } finally {
      await (before === undefined ? stack.removeConfig(name) : stack.setConfig(name, before));
    }
  });
});
