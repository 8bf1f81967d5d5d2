import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

import { imagesOf } from '../../infra/config.ts';
import { deploy, destroy } from '../../infra/deploy/deploy-stack.ts';
import { requireDocker, requirePulumi } from '../../infra/deploy/requirements.ts';
import { buildServiceImage, type ImageBases } from '../../infra/deploy/service-image.ts';
import { openSession } from '../../infra/deploy/stack-session.ts';
import type { ImageName } from '../../infra/images.ts';
import type { RunFrame } from '../evidence/schema.ts';
import {
  imageId,
  partsOfStack,
  readEngineVersion,
  type RunningContainer,
  runningContainers,
} from './container-engine.ts';
import { lockDirectory, tryLockDirectory } from './directory-lock.ts';

export interface ContainerOptions extends ImageBases {
  /** In the place of those that the program names, by part. */
  readonly images?: Readonly<Partial<Record<ImageName, string>>> | undefined;
  /** What the build of the service's image reaches the package registry by. */
  readonly network?: string | undefined;
}

/** Everything that stacks are made of is on the engine. */
export interface PreparedContainers {
  readonly serviceImage: { readonly tag: string; readonly commit: string };
  readonly images: ContainerOptions['images'];
  /** As it stands in run.json. */
  readonly record: NonNullable<RunFrame['containers']>;
}

/** @throws {DeployError} when pulumi or the engine is missing, with the command for this system */
export async function prepareContainers(
  { images = {}, ...build }: ContainerOptions,
  onStep: (step: string) => void,
): Promise<PreparedContainers> {
  await requirePulumi();
  await requireDocker();
  onStep('building the service’s image, if the engine does not have it');
  const serviceImage = await buildServiceImage({ ...build, onLine: () => undefined });
  const { redis, postgres } = imagesOf({ images });
  const others = [
    { part: 'postgres', reference: postgres, id: await imageId(postgres) },
    { part: 'redis', reference: redis, id: await imageId(redis) },
  ];
  return {
    serviceImage,
    images,
    record: {
      engineVersion: await readEngineVersion(),
      images: [{ part: 'service', reference: serviceImage.tag, id: serviceImage.id }, ...others],
    },
  };
}

export interface BenchStackRequest {
  /** On this engine; it stands beside other ones. */
  readonly stackName: string;
  readonly prepared: PreparedContainers;
  /** Over those of `bench`. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal | undefined;
  readonly onStep: (step: string) => void;
}

const secretNames = [
  'apiToken',
  'postgresPassword',
  'databasePassword',
  'redisQueuePassword',
  'redisCachePassword',
] as const;

/** The stack `bench` under a name of its own, up. */
export interface BenchStack {
  readonly secrets: Readonly<Record<(typeof secretNames)[number], string>>;
  /** Those that run now, by what the stack calls them: `api-1`, `postgres`. */
  containers(): Promise<ReadonlyMap<string, RunningContainer>>;
  /** Leaves nothing on the engine and no state. */
  down(): Promise<void>;
}

/** One place for each user of this machine, since the engine has one for the names: a dead run is found by the next. */
const root = (): string => join(tmpdir(), `ticketing-stacks-${userInfo().uid}`);
const stateFolder = (): string => join(root(), 'state');
const locks = (): string => join(root(), 'locks');
const lockFolder = (stackName: string): string => join(locks(), stackName);

/**
 * Brings a stack up, after what is left of runs that ended without taking theirs down has been taken away. When it does
 * not come up, or is interrupted, nothing is left of it.
 */
export async function deployBenchStack(request: BenchStackRequest): Promise<BenchStack> {
  const { stackName, prepared, settings, signal, onStep } = request;
  await removeDeadStacks(onStep);
  await mkdir(lockFolder(stackName), { recursive: true });
  const lock = lockDirectory(lockFolder(stackName));
  const down = async (): Promise<void> => {
    await removeStack(stackName);
    lock.release();
  };
  try {
    const overrides = { serviceImage: prepared.serviceImage.tag, images: prepared.images, ...settings };
    const session = await openSession({ stackName, configuredAs: 'bench', stateFolder: stateFolder(), overrides });
    signal?.throwIfAborted();
    onStep(`deploying the stack ${stackName}`);
    // Pulumi without its language host knows no policies, and the stack is gone in minutes.
    await deploy(session, { policies: false, onOutput: () => undefined, onStep, ...(signal ? { signal } : {}) });
    signal?.throwIfAborted();
    const config = await session.stack.getAllConfig();
    const secrets = Object.fromEntries(secretNames.map((name) => [name, config[`ticketing:${name}`]?.value ?? '']));
    return {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made of every name
      secrets: secrets as BenchStack['secrets'],
      containers: async () =>
        new Map((await runningContainers(stackName)).map((container) => [container.component, container])),
      down,
    };
  } catch (error) {
    await down();
    throw signal?.aborted ? signal.reason : error;
  }
}

/** What nobody holds any more: their runs have ended, however. */
export async function removeDeadStacks(onStep: (step: string) => void): Promise<void> {
  await mkdir(locks(), { recursive: true, mode: 0o700 });
  for (const stackName of await readdir(locks())) {
    const lock = tryLockDirectory(lockFolder(stackName));
    try {
      if (lock && (await removeStack(stackName))) {
        onStep(`removed what an earlier run left behind: the stack ${stackName}`);
      }
    } finally {
      lock?.release();
    }
  }
}

/** Whether there was anything. */
async function removeStack(stackName: string): Promise<boolean> {
  const isKnown = existsSync(join(stateFolder(), stackName));
  if (!isKnown && (await partsOfStack(stackName)).length === 0) return false;
  const session = await openSession({ stackName, configuredAs: 'bench', stateFolder: stateFolder() });
  await destroy(session, { onOutput: () => undefined, onStep: () => undefined });
  return true;
}
