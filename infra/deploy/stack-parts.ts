import { setTimeout as sleep } from 'node:timers/promises';

import { execa } from 'execa';
import { z } from 'zod';

import { nameOnEngine } from '../components/stack-context.ts';
import { DeployError } from './deploy-error.ts';

/** A stack that is up, as the engine alone has it. */
export interface StackOnEngine {
  readonly stackName: string;
  /** Beside this process's variables: where the engine is. */
  readonly environment: Readonly<Record<string, string>>;
}

const healthyWithinSeconds = 120;
const inspectionSchema = z.array(
  z.looseObject({
    State: z.looseObject({ Status: z.string(), Health: z.looseObject({ Status: z.string() }).optional() }),
  }),
);

/** What `docker` prints. Rejects with its words when it fails. */
export async function docker({ environment }: StackOnEngine, ...args: readonly string[]): Promise<string> {
  return (await execa('docker', args, { env: environment })).stdout;
}

/** `api-1`, `postgres`: the parts of a stack that have a container, running or not; without what carries their files. */
export async function listParts(stack: StackOnEngine): Promise<readonly string[]> {
  const prefix = nameOnEngine(stack, '');
  const names = await docker(stack, 'ps', '--all', '--format={{.Names}}', `--filter=name=^${prefix}`);
  const parts = names.split('\n').flatMap((name) => (name === '' ? [] : name.slice(prefix.length)));
  if (parts.length === 0)
    throw new DeployError(
      `The stack ${stack.stackName} has no container on this engine: make up STACK=${stack.stackName}`,
    );
  return parts.filter((part) => !part.endsWith('-files')).toSorted();
}

/** Resolves when all of them are healthy. Rejects after two minutes. */
export async function untilPartsHealthy(stack: StackOnEngine, parts: readonly string[]): Promise<void> {
  const deadline = Date.now() + healthyWithinSeconds * 1_000;
  for (const part of parts) {
    for (;;) {
      const text = await docker(stack, 'inspect', '--type=container', nameOnEngine(stack, part));
      const [container] = inspectionSchema.parse(JSON.parse(text));
      if (container?.State.Health?.Status === 'healthy') break;
      if (Date.now() > deadline)
        throw new DeployError(
          `${part} is ${container?.State.Status}, ${container?.State.Health?.Status} after ${healthyWithinSeconds} s: docker logs ${nameOnEngine(stack, part)}`,
        );
      await sleep(250);
    }
  }
}
