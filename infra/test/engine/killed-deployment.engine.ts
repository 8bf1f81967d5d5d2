import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { z } from 'zod';

import { destroy } from '../../deploy/deploy-stack.ts';
import type { Session } from '../../deploy/stack-session.ts';
import { countTouched, deployTrial, docker, isAnswering, openTrial, partsOf, trialSettings } from './trial-stack.ts';

const engine = inject('engine');
const stackName = 'killed';
const script = fileURLToPath(new URL('deploying-process.ts', import.meta.url));
const lockTaken = 'a deployment was killed: its lock is taken away';
let stateFolder = '';

interface Death {
  readonly action: 'up' | 'down';
  /** The process that was told to deploy, the Pulumi that it has started, or one and then the other. */
  readonly victims: readonly ('deployer' | 'pulumi')[];
  /** When this is printed; or so many milliseconds after the beginning. */
  readonly at: RegExp | number;
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** Starts a deployment and kills it. Resolves with what it had printed, when nothing of it is at work any more. */
async function deployAndKill({ action, victims, at, settings = {} }: Death): Promise<string> {
  const request = { stackName, stateFolder, settings: { ...trialSettings(), ...settings } };
  const deployer = execa(process.execPath, [script, action, JSON.stringify(request)], { all: true, reject: false });
  let printed = '';
  const reached = new Promise<void>((resolve) => {
    if (typeof at === 'number') setTimeout(resolve, at);
    deployer.all.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (typeof at !== 'number' && at.test(printed)) resolve();
    });
  });
  const endedBefore = deployer.then(() => 'ended' as const);
  if ((await Promise.race([reached, endedBefore])) === 'ended')
    throw new Error(`it has ended before ${String(at)}: ${printed}`);
  const owner = await lockOwner();
  for (const victim of victims) kill(victim === 'deployer' ? deployer.pid : owner);
  await deployer;
  return printed;
}

/** The Pulumi at work; `undefined` before there is one. */
async function lockOwner(): Promise<number | undefined> {
  const folder = join(stateFolder, stackName, '.pulumi/locks');
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  const lock = entries.find((entry) => entry.endsWith('.json'));
  if (lock === undefined) return undefined;
  return z.object({ pid: z.int() }).parse(JSON.parse(await readFile(join(folder, lock), 'utf8'))).pid;
}

function kill(processId: number | undefined): void {
  if (processId !== undefined) process.kill(processId, 'SIGKILL');
}

const creating = (part: string): RegExp => new RegExp(`${part} creating`);
const anyMomentMs = Math.round(500 + Math.random() * 6_500);

describe.skipIf(engine?.hasPulumi !== true)('a deployment that is killed', () => {
  let session: Session;

  beforeAll(async () => {
    stateFolder = await mkdtemp(join(tmpdir(), 'stacks-'));
  });

  afterAll(async () => {
    await rm(stateFolder, { recursive: true, force: true });
  });

  /** The next `up` ends well, and there is nothing more to do then, and nothing that is too much. */
  async function expectRecovery(settings: Readonly<Record<string, unknown>> = {}): Promise<readonly string[]> {
    const steps: string[] = [];
    session = await openTrial(stackName, stateFolder, settings);
    const { outputs } = await deployTrial(session, (step) => steps.push(step));
    expect(await isAnswering(outputs)).toBe(true);
    const more: string[] = [];
    expect(countTouched(await deployTrial(session, (step) => more.push(step)))).toBe(0);
    expect(more).toEqual([]);
    return steps;
  }

  test('while it makes its network, and again with the next ones at their first containers, is taken up', async () => {
    await deployAndKill({ action: 'up', victims: ['pulumi'], at: creating('Network network') });
    const second = { victims: ['deployer', 'pulumi'], at: creating('Container postgres-files') } as const;
    expect(await deployAndKill({ action: 'up', ...second })).toContain(lockTaken);
    const third = { victims: ['deployer'], at: creating('Container redis-queue') } as const;
    expect(await deployAndKill({ action: 'up', ...third })).toContain(lockTaken);
    await deployAndKill({ action: 'up', victims: ['pulumi'], at: creating('Container migration') });
    expect(await expectRecovery()).toContain(lockTaken);
  });

  test('while it replaces a container is taken up', async () => {
    const settings = { serviceVariables: { LOG_LEVEL: 'warn' } };
    const takenAway = /Container api-1 deleting original/;
    await deployAndKill({ action: 'up', victims: ['pulumi'], at: takenAway, settings });
    const made = /Container api-1 creating replacement|Container api-1 creating/;
    await deployAndKill({ action: 'up', victims: ['deployer', 'pulumi'], at: made, settings });
    expect(await expectRecovery(settings)).toContain(lockTaken);
    const environment = await docker('inspect', '--format={{.Config.Env}}', `ticketing-${stackName}-api-1`);
    expect(environment).toContain('LOG_LEVEL=warn');
  });

  test(`at any moment, this time after ${anyMomentMs} ms, is taken up`, async () => {
    const settings = { serviceVariables: { LOG_LEVEL: 'error' } };
    await deployAndKill({ action: 'up', victims: ['deployer', 'pulumi'], at: anyMomentMs, settings });
    const steps = await expectRecovery(settings);
    expect(steps.filter((step) => !/killed|left at work|waiting|made again|left behind/.test(step))).toEqual([]);
  });

  test('while it takes the stack away is taken up by the next one, which leaves nothing', async () => {
    await deployAndKill({ action: 'down', victims: ['pulumi'], at: /Container api-1 deleting/ });
    await deployAndKill({ action: 'down', victims: ['deployer', 'pulumi'], at: /Container redis-queue deleting/ });
    const steps: string[] = [];
    session = await openTrial(stackName, stateFolder);
    await destroy(session, { onOutput: () => {}, onStep: (step) => steps.push(step) });
    expect(steps).toContain(lockTaken);
    expect(await partsOf(stackName)).toEqual([]);
    expect(await readdir(stateFolder)).toEqual([]);
  });
});
