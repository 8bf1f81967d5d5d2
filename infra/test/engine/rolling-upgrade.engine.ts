import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { deploy, type Deployed, destroy } from '../../deploy/deploy-stack.ts';
import type { Session } from '../../deploy/stack-session.ts';
import { settingsOf } from '../committed-settings.ts';
import { startLoad } from './steady-load.ts';
import { docker, openTrial, trialSettings } from './trial-stack.ts';

const engine = inject('engine');
const former = engine?.serviceImage.tag ?? '';
const next = 'ticketing-service:next';
const ratePerSecond = 200;
const rounds = [1, 2, 3];

describe.skipIf(engine?.hasPulumi !== true)('two replicas of the api behind the proxy, as in prod', () => {
  let stateFolder = '';
  let session: Session;
  let url = '';
  let token = '';
  const deployAsMakeDoes = (): Promise<Deployed> => deploy(session, { onOutput: () => {}, onStep: () => {} });
  const load = () => startLoad({ url, ratePerSecond, token });

  beforeAll(async () => {
    stateFolder = await mkdtemp(join(tmpdir(), 'stacks-'));
    await docker('create', '--name=next', former);
    await docker('commit', '--change=ENV COMMIT=next', 'next', next);
    await docker('rm', 'next');
    const { apiPort: _api, prometheusPort: _prometheus, ...prod } = await settingsOf('prod');
    session = await openTrial('rolling', stateFolder, { ...prod, ...trialSettings(), monitoring: true });
    url = String((await deployAsMakeDoes()).outputs['apiUrl']?.value);
    token = (await session.stack.getConfig('ticketing:apiToken')).value;
  });

  afterAll(async () => {
    await destroy(session, { onOutput: () => {}, onStep: () => {} });
    await rm(stateFolder, { recursive: true, force: true });
  });

  test.each(rounds.flatMap((round) => [[round, next] as const, [round, former] as const]))(
    `lose none of ${ratePerSecond} requests a second, round %i: to %s`,
    async (_round, image) => {
      await session.stack.setConfig('ticketing:serviceImage', { value: image });
      const underWay = load();
      const started = performance.now();
      await deployAsMakeDoes();
      const seconds = (performance.now() - started) / 1_000;
      const { answered, failures } = await underWay.stop();
      console.log(`${image} after ${seconds.toFixed(1)} s, ${answered} requests answered, ${failures.length} failed`);
      if (failures.length > 0) console.log(await docker('logs', '--timestamps', 'ticketing-rolling-proxy'));
      expect(failures).toEqual([]);
      expect(answered).toBeGreaterThan(seconds * ratePerSecond * 0.9);
      const version = await (await fetch(`${url}/version`)).json();
      expect(version).toMatchObject({ commit: image === next ? 'next' : engine?.serviceImage.commit });
    },
  );

  test('lose requests when both are stopped at once, which the load counts', async () => {
    const underWay = load();
    await docker('stop', 'ticketing-rolling-api-1', 'ticketing-rolling-api-2');
    expect((await underWay.stop()).failures.map(({ what }) => what)).toContainEqual(expect.stringContaining('503'));
  });
});
