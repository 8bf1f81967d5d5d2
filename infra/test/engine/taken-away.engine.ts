import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { secretNames } from '../../config.ts';
import { destroy } from '../../deploy/deploy-stack.ts';
import type { Session } from '../../deploy/stack-session.ts';
import { settingsOf } from '../committed-settings.ts';
import { restartEngine } from './private-engine.ts';
import { countTouched, deployTrial, isAnswering, openTrial, partsOf, trialSettings } from './trial-stack.ts';

const engine = inject('engine');
const folderOfEngine = engine?.folder ?? '';
const silent = { onOutput: () => {}, onStep: () => {}, policies: false };
let stateFolder = '';

/** As Pulumi.<stack>.yaml has it, on ports that are free. */
async function openCommitted(name: 'dev' | 'bench'): Promise<Session> {
  const { apiPort: _api, prometheusPort: _prometheus, grafanaPort: _grafana, ...committed } = await settingsOf(name);
  const { monitoring: _monitoring, kind: _kind, ...standIns } = trialSettings();
  return openTrial(name, stateFolder, { monitoring: true, ...committed, ...standIns });
}

describe.skipIf(engine?.hasPulumi !== true)('the stacks as they are committed', () => {
  let sessions: Readonly<Record<'dev' | 'bench', Session>>;

  beforeAll(async () => {
    stateFolder = await mkdtemp(join(tmpdir(), 'stacks-'));
    sessions = { dev: await openCommitted('dev'), bench: await openCommitted('bench') };
    for (const session of Object.values(sessions)) await deployTrial(session);
  });

  afterAll(async () => {
    await destroy(sessions.dev, silent);
    await rm(stateFolder, { recursive: true, force: true });
  });

  test.each(['dev', 'bench'] as const)('%s is changed by no second, and no third deployment', async (name) => {
    expect(countTouched(await deployTrial(sessions[name]))).toBe(0);
    expect(countTouched(await deployTrial(sessions[name]))).toBe(0);
  });

  test('are changed by no deployment after the engine was restarted', async () => {
    await restartEngine(folderOfEngine);
    for (const session of Object.values(sessions)) {
      const deployed = await deployTrial(session);
      expect(countTouched(deployed)).toBe(0);
      await expect.poll(() => isAnswering(deployed.outputs), { timeout: 30_000 }).toBe(true);
    }
  });

  test('have no secret in clear in their state', async () => {
    const { stack, folder } = sessions.dev;
    const config = await stack.getAllConfig();
    const secrets = secretNames.map((name) => config[`ticketing:${name}`]?.value ?? '');
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const texts = await Promise.all(
      files.map(async ({ parentPath, name }) => [name, await readFile(join(parentPath, name), 'utf8')] as const),
    );
    const withSecrets = texts.filter(([, text]) => secrets.some((secret) => text.includes(secret)));
    expect(texts.some(([, text]) => text.includes('"ciphertext"'))).toBe(true);
    // The control as well: this one is for the person who writes requests.
    expect(withSecrets.map(([name]) => name)).toEqual(['api-token']);
  });

  test('leave nothing when they go, three times, and when they are gone already', async () => {
    for (let time = 0; time < 3; time++) {
      const session = await openCommitted('bench');
      await deployTrial(session);
      await destroy(session, silent);
      expect(await partsOf('bench')).toEqual([]);
      expect(await readdir(stateFolder)).not.toContain('bench');
    }
    await destroy(await openCommitted('bench'), silent);
    expect(await readdir(stateFolder)).toEqual(['dev']);
  });
});
