import type { PolicyResourceOptions, ResourceValidationArgs, ResourceValidationPolicy } from '@pulumi/policy';
import { describe, expect, test } from 'vitest';

import { containerType } from '../policy/container-policy.ts';
import { policies } from '../policy/policies.ts';
import { captureStack } from './captured-stack.ts';
import { settingsOf } from './committed-settings.ts';

interface Fixture {
  readonly type: string;
  readonly stackName: string;
  readonly props: Readonly<Record<string, unknown>>;
  readonly isProtected: boolean;
}

const imageType = 'docker:index/remoteImage:RemoteImage';
const volumeType = 'docker:index/volume:Volume';
const digest = `sha256:${'a'.repeat(64)}`;

/** A container that keeps to everything. */
function container(changes: Readonly<Record<string, unknown>> = {}, component = 'api-1'): Fixture {
  const props = {
    name: `ticketing-dev-${component}`,
    image: digest,
    command: [],
    envs: ['PORT=3000', 'API_TOKEN_FILE=/run/ticketing/api-token'],
    labels: Object.entries({ project: 'ticketing', stack: 'dev', kind: 'dev', component }).map(([label, value]) => ({
      label: `ticketing.${label}`,
      value,
    })),
    user: '10001:10001',
    restart: 'unless-stopped',
    wait: true,
    healthcheck: { tests: ['CMD', 'true'] },
    memory: 64,
    memorySwap: 64,
    cpus: '0.5',
    networkMode: 'ticketing-dev-network',
    readOnly: true,
    securityOpts: ['no-new-privileges:true'],
    capabilities: { drops: ['ALL'] },
    logDriver: 'json-file',
    logOpts: { 'max-size': '10m', 'max-file': '3' },
    ports: [{ ip: '127.0.0.1', internal: 3000 }],
    volumes: [{ volumeName: 'ticketing-dev-api-1-files', containerPath: '/run/ticketing' }],
    ...changes,
  };
  return { type: containerType, stackName: 'dev', props, isProtected: false };
}

function part(
  component: string,
  props: { readonly command?: readonly string[]; readonly envs?: readonly string[] },
  path: string,
): Fixture {
  return container(
    { ...props, volumes: [{ volumeName: `ticketing-dev-${component}-data`, containerPath: path }] },
    component,
  );
}

const image = (name: string, stackName = 'dev'): Fixture => ({
  type: imageType,
  stackName,
  props: { name },
  isProtected: false,
});
const volume = (stackName: string, isProtected: boolean): Fixture => ({
  type: volumeType,
  stackName,
  props: { name: `ticketing-${stackName}-postgres-data` },
  isProtected,
});

const queue = ['redis-server', '--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];
const cache = ['redis-server', '--save', '--appendonly', 'no', '--maxmemory', '64mb'];
const retention = ['--storage.tsdb.retention.time=7d', '--storage.tsdb.retention.size=4GB'];
const grafana = ['GF_AUTH_ANONYMOUS_ENABLED=false', 'GF_SECURITY_ADMIN_PASSWORD__FILE=/run/ticketing/admin-password'];
const without = (words: readonly string[], word: string): readonly string[] => words.filter((one) => one !== word);

/** By the policy: what it must let pass, and what it must refuse. */
const fixtures: Readonly<Record<string, { readonly good: Fixture; readonly bad: readonly Fixture[] }>> = {
  'image-tagged': {
    good: image('redis:7.4.6-alpine'),
    bad: [image('redis'), image('redis:latest'), image('host:5000/redis')],
  },
  'image-by-digest-in-prod': { good: image(`redis@${digest}`, 'prod'), bad: [image('redis:7.4.6', 'prod')] },
  'container-image-by-id': { good: container(), bad: [container({ image: 'redis:7.4.6' })] },
  'ports-on-loopback': {
    good: container({ ports: [{ ip: '127.0.0.1' }] }, 'postgres'),
    bad: [container({ ports: [{ ip: '0.0.0.0' }] }, 'postgres'), container({ ports: [{}] }, 'postgres')],
  },
  'no-host-network': { good: container(), bad: [container({ networkMode: 'host' })] },
  'network-explicit': {
    good: container(),
    bad: [container({ networkMode: 'bridge' }), container({ networkMode: null })],
  },
  'no-host-pid': { good: container(), bad: [container({ pidMode: 'host' })] },
  'no-host-ipc': { good: container(), bad: [container({ ipcMode: 'host' })] },
  'no-engine-socket': {
    good: container(),
    bad: [container({ volumes: [{ hostPath: '/var/run/docker.sock', containerPath: '/s' }] })],
  },
  'no-bind-mount': {
    good: container(),
    bad: [
      container({ volumes: [{ hostPath: '/srv', containerPath: '/srv' }] }),
      container({ mounts: [{ type: 'bind', source: '/etc', target: '/e' }] }),
    ],
  },
  'volumes-named': { good: container(), bad: [container({ volumes: [{ volumeName: '', containerPath: '/data' }] })] },
  'not-privileged': { good: container(), bad: [container({ privileged: true })] },
  'capabilities-dropped': {
    good: container(),
    bad: [container({ capabilities: null }), container({ capabilities: { drops: ['CHOWN'] } })],
  },
  'capabilities-harmless': {
    good: container({ capabilities: { drops: ['ALL'], adds: ['CAP_CHOWN'] } }),
    bad: [container({ capabilities: { drops: ['ALL'], adds: ['SYS_ADMIN'] } })],
  },
  'no-new-privileges': { good: container(), bad: [container({ securityOpts: [] })] },
  'root-read-only': { good: container(), bad: [container({ readOnly: false })] },
  'not-root': {
    good: container(),
    bad: [container({ user: 'root' }), container({ user: '0:0' }), container({ user: '' })],
  },
  'no-secret-in-environment': {
    good: container({ envs: ['API_TOKEN_FILE=/run/ticketing/api-token', 'SHUTDOWN_GRACE_MS=1'] }),
    bad: [
      container({ envs: ['API_TOKEN=0123456789abcdef'] }),
      container({ envs: ['POSTGRES_PASSWORD=x'] }),
      container({ envs: ['DATABASE_URL=postgres://ticketing:pw@postgres/ticketing'] }),
    ],
  },
  named: { good: container(), bad: [container({ name: 'api' })] },
  labelled: {
    good: container(),
    bad: [
      container({
        labels: [
          { label: 'ticketing.stack', value: 'dev' },
          { label: 'ticketing.component', value: 'api-1' },
        ],
      }),
    ],
  },
  'health-checked': { good: container(), bad: [container({ healthcheck: null }), container({ wait: false })] },
  'memory-limited': { good: container(), bad: [container({ memory: null }), container({ memorySwap: 128 })] },
  'cpu-limited': { good: container(), bad: [container({ cpus: null })] },
  restarted: { good: container(), bad: [container({ restart: 'no' }), container({ mustRun: false })] },
  'logs-rotated': { good: container(), bad: [container({ logOpts: null }), container({ logDriver: 'journald' })] },
  'queue-durable': {
    good: part('redis-queue', { command: queue }, '/data'),
    bad: [
      part('redis-queue', { command: without(queue, '--appendonly') }, '/data'),
      part('redis-queue', { command: queue.map((word) => (word === 'always' ? 'everysec' : word)) }, '/data'),
      part('redis-queue', { command: queue.map((word) => (word === 'noeviction' ? 'allkeys-lru' : word)) }, '/data'),
      part('redis-queue', { command: queue }, '/elsewhere'),
    ],
  },
  'cache-in-memory': {
    good: part('redis-cache', { command: cache }, '/run/ticketing'),
    bad: [
      part('redis-cache', { command: cache.map((word) => (word === 'no' ? 'yes' : word)) }, '/run/ticketing'),
      part('redis-cache', { command: without(cache, '--save') }, '/run/ticketing'),
      part('redis-cache', { command: without(cache, '--maxmemory') }, '/run/ticketing'),
      part('redis-cache', { command: cache }, '/data'),
    ],
  },
  'retention-bounded': {
    good: part('prometheus', { command: retention }, '/prometheus'),
    bad: retention.map((word) => part('prometheus', { command: without(retention, word) }, '/prometheus')),
  },
  'dashboards-behind-a-password': {
    good: part('grafana', { envs: grafana }, '/var/lib/grafana'),
    bad: grafana.map((word) => part('grafana', { envs: without(grafana, word) }, '/var/lib/grafana')),
  },
  'data-kept-in-prod': { good: volume('prod', true), bad: [volume('prod', false)] },
};

/** Names of the policies that have something to say. */
async function refusals(pack: readonly ResourceValidationPolicy[], fixture: Fixture): Promise<readonly string[]> {
  const refusing: string[] = [];
  for (const { name, validateResource } of pack) {
    const checks = [validateResource ?? []].flat();
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the policies read of it
    const args = {
      type: fixture.type,
      props: fixture.props,
      urn: `urn:pulumi:${fixture.stackName}::ticketing::${fixture.type}::fixture`,
      name: 'fixture',
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the policies read of it
      opts: { protect: fixture.isProtected } as PolicyResourceOptions,
    } as unknown as ResourceValidationArgs;
    for (const check of checks) await check(args, () => refusing.push(name));
  }
  return [...new Set(refusing)];
}

describe.each(policies.map((policy) => [policy.name, policy] as const))('the policy %s', (name, policy) => {
  const { good, bad } = fixtures[name] ?? { good: undefined, bad: [] };

  test('lets the good fixture pass', async () => {
    expect(good && (await refusals(policies, good))).toEqual([]);
  });

  test('refuses every bad one, which passes when it is taken out of the pack', async () => {
    expect(bad.length).toBeGreaterThan(0);
    const others = policies.filter((other) => other !== policy);
    for (const fixture of bad) {
      expect(await refusals(policies, fixture)).toEqual([name]);
      expect(await refusals(others, fixture)).toEqual([]);
    }
  });
});

test('every policy has its fixtures, and there are 20 or more', () => {
  expect(policies.map(({ name }) => name).toSorted()).toEqual(Object.keys(fixtures).toSorted());
  expect(policies.length).toBeGreaterThanOrEqual(20);
});

test.each(['dev', 'bench', 'prod'])('the stack %s keeps to all of them', async (stackName) => {
  for (const { type, inputs, isProtected } of await captureStack(stackName, await settingsOf(stackName))) {
    expect(await refusals(policies, { type, stackName, props: inputs, isProtected })).toEqual([]);
  }
});
