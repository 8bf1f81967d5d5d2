import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { z } from 'zod';

import { deploy, destroy } from '../../deploy/deploy-stack.ts';
import { openSession, type Session } from '../../deploy/stack-session.ts';

const engine = inject('engine');
const stackName = 'killed';
let stateFolder = '';
const steps: string[] = [];
const options = { onOutput: () => {}, onStep: (step: string) => steps.push(step), policies: false };

const open = (): Promise<Session> =>
  openSession({
    stackName,
    stateFolder,
    settings: {
      kind: 'dev',
      serviceImage: engine?.serviceImage.tag,
      images: engine?.images,
      grafana: false,
      monitoring: false,
    },
  });

/** The process that holds the stack's lock. */
async function lockOwner({ folder }: Session): Promise<number> {
  for (;;) {
    const entries = await readdir(join(folder, '.pulumi/locks'), { recursive: true }).catch(() => []);
    const lock = entries.find((entry) => entry.endsWith('.json'));
    if (lock !== undefined) {
      return z.object({ pid: z.int() }).parse(JSON.parse(await readFile(join(folder, '.pulumi/locks', lock), 'utf8')))
        .pid;
    }
    await sleep(50);
  }
}

/** Begins a deployment, and kills Pulumi so long after it has the lock. */
async function deployAndKill(session: Session, afterMs: number): Promise<void> {
  const deployment = deploy(session, options);
  const owner = await lockOwner(session);
  await sleep(afterMs);
  process.kill(owner, 'SIGKILL');
  await expect(deployment).rejects.toThrow(/failed/);
}

async function leftParts(): Promise<string> {
  const filter = `--filter=label=ticketing.stack=${stackName}`;
  const lists = await Promise.all(
    [
      ['ps', '--all'],
      ['volume', 'ls'],
      ['network', 'ls'],
    ].map((words) => execa('docker', [...words, '--quiet', filter])),
  );
  return lists.map(({ stdout }) => stdout).join('');
}

describe.skipIf(engine?.hasPulumi !== true)('a deployment that is killed', () => {
  beforeAll(async () => {
    stateFolder = await mkdtemp(join(tmpdir(), 'stacks-'));
  });

  afterAll(async () => {
    await rm(stateFolder, { recursive: true, force: true });
  });

  test.each([2_000, 5_000, 9_000])('after %i ms is taken up by the next one', async (afterMs) => {
    const session = await open();
    steps.length = 0;
    await deployAndKill(session, afterMs);
    const { outputs } = await deploy(session, options);
    expect((await fetch(`${String(outputs['apiUrl']?.value)}/performances`)).status).toBe(200);
    expect(steps).toContain('a deployment was killed: its lock is taken away');
    await destroy(session, options);
    expect(await leftParts()).toBe('');
  });

  test('is taken away by down, which leaves nothing', async () => {
    const session = await open();
    await deployAndKill(session, 4_000);
    await destroy(session, options);
    expect(await leftParts()).toBe('');
  });
});
