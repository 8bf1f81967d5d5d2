import { readdir } from 'node:fs/promises';

import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { z } from 'zod';

import { freePort } from './free-port.ts';
import { type ImageRegistry, startImageRegistry } from './image-registry.ts';
import { createProductionCheckout, type ProductionCheckout } from './production-checkout.ts';
import { type SshHost, startSshHost } from './ssh-host.ts';
import { type LoadOutcome, startLoad } from './steady-load.ts';

const engine = inject('engine');
const docker = async (...args: readonly string[]): Promise<string> => (await execa('docker', args)).stdout;

describe.skipIf(engine?.hasPulumi !== true)('a release over SSH to a Docker engine', () => {
  let host: SshHost;
  let registry: ImageRegistry;
  let checkout: ProductionCheckout;
  let url = '';
  const images = { first: '', second: '', neverReady: '', mislabelled: '' };

  /** An image like the service's, of another commit, published by digest. */
  async function publishVariant(commit: string, ...changes: readonly string[]): Promise<string> {
    const container = await docker('create', engine?.serviceImage.tag ?? '');
    const label = `LABEL org.opencontainers.image.revision=${commit}`;
    const options = [label, `ENV COMMIT=${commit}`, ...changes].map((change) => `--change=${change}`);
    await docker('commit', ...options, container, `variant:${commit}`);
    await docker('rm', container);
    return registry.publish(`variant:${commit}`, `ticketing-service-${commit}`);
  }

  beforeAll(async () => {
    registry = await startImageRegistry();
    host = await startSshHost((process.env['DOCKER_HOST'] ?? '').replace('unix://', ''));
    const standIns: Record<string, string> = {};
    for (const part of ['redis', 'postgres', 'proxy'] as const) {
      const copy = `copy-of-${part}`;
      await docker('tag', engine?.images[part] ?? '', copy);
      standIns[part] = await registry.publish(copy, part);
    }
    images.first = await publishVariant('first');
    images.second = await publishVariant('second');
    images.neverReady = await publishVariant('never-ready', 'CMD ["-e", "setInterval(() => {}, 1000)"]');
    images.mislabelled = await publishVariant('mislabelled', 'ENV COMMIT=another');
    const apiPort = await freePort();
    url = `http://127.0.0.1:${apiPort}`;
    checkout = await createProductionCheckout({ images: standIns, apiPort, grafana: false, monitoring: false });
  });

  afterAll(async () => {
    const ids = await docker('ps', '--all', '--quiet');
    if (ids !== '') await docker('rm', '--force', ...ids.split('\n'));
    await Promise.all([host.stop(), registry.stop(), checkout.remove()]);
  });

  /** What a runner does, on the checkout. `make` itself ends with 2 for whatever its command ended with. */
  async function deploy(image: string, { seconds = 180, by = 'script', knownHosts = host.knownHosts } = {}) {
    const script = ['benchmarks/toolchain/run-node.sh', 'infra/deploy/cli.ts', 'deploy', '--stack=prod'];
    const command =
      by === 'make'
        ? ['make', 'deploy', `IMAGE=${image}`, `WITHIN=${seconds}`]
        : [...script, `--image=${image}`, `--within=${seconds}`];
    const { exitCode, all } = await run(command, knownHosts);
    return { exitCode, all, last: all.trim().split('\n').at(-1) };
  }

  function run([program = '', ...args]: readonly string[], knownHosts: string) {
    return execa(program, args, {
      cwd: checkout.folder,
      env: {
        ...checkout.environment,
        DOCKER_HOST: host.url,
        DEPLOY_KNOWN_HOSTS: knownHosts,
        DEPLOY_SSH_KEY: host.userKey,
      },
      reject: false,
      all: true,
    });
  }

  const startRequests = () => startLoad({ url, ratePerSecond: 20, token: checkout.apiToken });
  const describeLoad = ({ answered, failures }: LoadOutcome) =>
    `${answered} requests answered, ${failures.length} failed`;
  const version = async (): Promise<unknown> => (await fetch(`${url}/version`)).json();
  /** Of the image that a container runs, as the engine itself says. */
  const digestsOf = async (part: string): Promise<unknown> => {
    const id = await docker('inspect', '--format={{.Image}}', `ticketing-prod-${part}`);
    return z.array(z.string()).parse(JSON.parse(await docker('inspect', '--format={{json .RepoDigests}}', id)));
  };
  const replicas = ['api-1', 'api-2', 'worker-1', 'worker-2'];
  const served = async (): Promise<unknown> => Promise.all(replicas.map(digestsOf));
  const everywhere = (image: string) => replicas.map(() => [image]);

  test('does nothing with a host that has another key than the one that is pinned', async () => {
    const { exitCode, all } = await deploy(images.first, { knownHosts: host.forgedKnownHosts });
    console.log(all);
    expect(exitCode).toBe(4);
    expect(all).toContain('REMOTE HOST IDENTIFICATION HAS CHANGED');
    expect(all).toContain('DEPLOY_KNOWN_HOSTS');
    expect(await docker('ps', '--all', '--quiet')).toBe('');
  });

  test('does nothing with an image that has no digest', async () => {
    const { exitCode, last } = await deploy('ticketing-service:latest');
    expect([exitCode, last]).toEqual([4, 'IMAGE must be repository@sha256:<64 hex>, got "ticketing-service:latest"']);
    expect(await docker('ps', '--all', '--quiet')).toBe('');
  });

  test('brings the first image up', async () => {
    const { exitCode, all, last } = await deploy(images.first);
    console.log(all);
    expect(last).toMatch(`deployed ${images.first}, before it was nothing`);
    expect(exitCode).toBe(0);
    expect(await served()).toEqual(everywhere(images.first));
    expect(await version()).toMatchObject({ commit: 'first' });
  });

  test('replaces it by the next one, which is make’s way too', async () => {
    const load = startRequests();
    const { exitCode, last } = await deploy(images.second, { by: 'make' });
    console.log(last, describeLoad(await load.stop()));
    expect(exitCode).toBe(0);
    expect(last).toMatch(`deployed ${images.second}, before it was ${images.first}`);
    expect(await served()).toEqual(everywhere(images.second));
    expect(await version()).toMatchObject({ commit: 'second' });
  });

  test('goes back from an image that never becomes ready, and requests are answered all the while', async () => {
    const load = startRequests();
    const { exitCode, all, last } = await deploy(images.neverReady, { seconds: 40 });
    const requests = await load.stop();
    console.log(all, describeLoad(requests));
    expect(exitCode).toBe(5);
    expect(last).toMatch(`rolled back: ${images.second} serves`);
    expect(await served()).toEqual(everywhere(images.second));
    expect(await version()).toMatchObject({ commit: 'second' });
    expect(requests.failures).toEqual([]);
    expect(requests.answered).toBeGreaterThan(100);
  });

  test('goes back from an image whose service says that it is another commit', async () => {
    const load = startRequests();
    const { exitCode, last } = await deploy(images.mislabelled);
    console.log(last, describeLoad(await load.stop()));
    expect(last).toContain('GET /version through the proxy says commit another, the image is of mislabelled');
    expect(exitCode).toBe(5);
    expect(await served()).toEqual(everywhere(images.second));
  });

  test('is what make up keeps', async () => {
    const { exitCode, all } = await run(['make', 'up', 'STACK=prod'], host.knownHosts);
    expect(all).toContain(images.second);
    expect(exitCode).toBe(0);
    expect(await served()).toEqual(everywhere(images.second));
  });

  test('leaves no key behind', async () => {
    expect((await readdir(checkout.environment.TMPDIR)).filter((name) => name.startsWith('pinned-host-'))).toEqual([]);
  });
});
