import { Container, type ContainerArgs } from '@pulumi/docker';
import { all, ComponentResource, type ComponentResourceOptions, type Input, type Output, output } from '@pulumi/pulumi';

import { createFiles, type Files, type FilesArgs, filesFolder } from './container-files.ts';
import { type Image, labelsOf, nameOnEngine, type StackContext } from './stack-context.ts';
import { labelList } from './stack-volume.ts';

export interface HardenedContainerArgs {
  readonly context: StackContext;
  readonly image: Image;
  /** Absent: the image's own. */
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  /** User, or user:group, of the image. */
  readonly user: string;
  /** No secrets: they come by `secretFiles`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Under `filesFolder`, read-only, by name; a change makes a new container. */
  readonly files?: FilesArgs;
  /** Made again whenever this one is. */
  readonly follows?: HardenedContainer;
  readonly volumes?: readonly { readonly name: Input<string>; readonly path: string }[];
  /** Folders in memory that the program may write to. */
  readonly scratch?: readonly string[];
  /** Of the container, to a port of the host: `undefined` takes any free one. */
  readonly ports?: Readonly<Record<number, number | undefined>>;
  readonly memoryMegabytes: number;
  /** At most; fractions of one are fine. */
  readonly cpus: number;
  readonly cpuSet?: string | undefined;
  readonly life: Service | Job;
}

/** Runs until it is stopped, and is waited for until it is healthy. */
export interface Service {
  readonly kind: 'service';
  /** Ends with 0 when it is healthy. */
  readonly healthcheck: readonly [program: string, ...args: string[]];
  /** How long it may take to stop before it is killed. */
  readonly stopSeconds: number;
}

/** Ends by itself, before anything that depends on it begins. */
export interface Job {
  readonly kind: 'job';
}

const healthyWithinSeconds = 120;
/** Changes that the provider reports as made without making them. */
const silentlyIgnored = ['healthcheck', 'init', 'tmpfs', 'stopTimeout'];

/**
 * One container with nothing more than it needs: no capabilities, no new privileges, a root that can't be written,
 * limits of memory and CPU, rotated logs, a health check that the deployment waits for.
 */
export class HardenedContainer extends ComponentResource {
  readonly container: Container;
  /** What others wait for: the service is healthy, or the job has ended with 0. */
  readonly done: Output<Container>;

  constructor(name: string, args: HardenedContainerArgs, options?: ComponentResourceOptions) {
    super('ticketing:container:HardenedContainer', name, {}, options);
    const childOptions = {
      parent: this,
      ...(options?.dependsOn === undefined ? {} : { dependsOn: options.dependsOn }),
    };
    const files = args.files && createFiles(name, args.context, args.image, args.files, childOptions);
    const { context } = args;
    this.container = new Container(
      name,
      {
        name: nameOnEngine(context, name),
        image: args.image.imageId,
        ...launch(args),
        labels: labels(name, args, files),
        volumes: [
          ...(args.volumes ?? []).map(({ name: volumeName, path }) => ({ volumeName, containerPath: path })),
          ...(files ? [{ volumeName: files.volumeName, containerPath: filesFolder, readOnly: true }] : []),
        ],
        ...network(name, args),
        ...confinement(args),
        ...life(args),
      },
      {
        ...childOptions,
        deleteBeforeReplace: true,
        replaceOnChanges: silentlyIgnored,
        // The labels say the same with ids, which a preview does not know.
        replaceWith: [files?.carrier, args.follows?.container].filter((made) => made !== undefined),
      },
    );
    this.done = args.life.kind === 'job' ? endedWell(name, this.container) : output(this.container);
    this.registerOutputs({ containerId: this.container.id });
  }

  /** The port of the host that reaches this port of the container. */
  hostPort(internal: number): Output<number> {
    return this.container.ports.apply((ports) => {
      const external = ports?.find((port) => port.internal === internal)?.external;
      if (external === undefined) throw new Error(`${internal} of the container is not published: add it to its ports`);
      return external;
    });
  }
}

/** A change of one replaces the container: what it was made after is among them. */
function labels(name: string, { context, follows }: HardenedContainerArgs, files: Files | undefined) {
  return all([files?.revision, follows?.container.id]).apply(([revision, followed]) =>
    labelList({
      ...labelsOf(context, name),
      ...(revision === undefined ? {} : { 'ticketing.files': revision }),
      ...(followed === undefined ? {} : { 'ticketing.follows': followed.slice(0, 12) }),
    }),
  );
}

/** The provider waits for a job's end and takes any for a good one. */
function endedWell(name: string, container: Container): Output<Container> {
  return all([container.exitCode, container.containerLogs]).apply(([exitCode, logs]) => {
    if (exitCode === 0) return container;
    throw new Error(`${name} ended with ${exitCode}: ${logs.trim().split('\n').slice(-5).join('\n')}`);
  });
}

function launch({ entrypoint, command, user, environment = {} }: HardenedContainerArgs): Partial<ContainerArgs> {
  return {
    ...(entrypoint === undefined ? {} : { entrypoints: [...entrypoint] }),
    ...(command === undefined ? {} : { command: [...command] }),
    user,
    envs: Object.entries(environment).map(([variable, value]) => `${variable}=${value}`),
  };
}

function network(name: string, { context, ports = {} }: HardenedContainerArgs): Partial<ContainerArgs> {
  return {
    hostname: name,
    networkMode: context.networkName,
    networksAdvanced: [{ name: context.networkName, aliases: [name] }],
    ports: Object.entries(ports).map(([internal, external]) => ({
      internal: Number(internal),
      ip: context.publishAddress,
      ...(external === undefined ? {} : { external }),
    })),
  };
}

function confinement({ scratch = [], memoryMegabytes, cpus, cpuSet }: HardenedContainerArgs): Partial<ContainerArgs> {
  return {
    readOnly: true,
    tmpfs: Object.fromEntries(scratch.map((folder) => [folder, 'rw,nosuid,nodev,noexec,size=64m,mode=1777'])),
    capabilities: { drops: ['ALL'] },
    securityOpts: ['no-new-privileges:true'],
    memory: memoryMegabytes,
    // Without it every deployment sees a difference; the same number means no swap.
    memorySwap: memoryMegabytes,
    // As the provider reads it back: another form of the same number would be a difference.
    cpus: Number.isInteger(cpus) ? cpus.toFixed(1) : String(cpus),
    ...(cpuSet === undefined ? {} : { cpuSet }),
    logDriver: 'json-file',
    logOpts: { 'max-size': '10m', 'max-file': '3' },
  };
}

function life({ life, context }: HardenedContainerArgs): Partial<ContainerArgs> {
  if (life.kind === 'job') return { restart: 'no', mustRun: false, attach: true, logs: true };
  return {
    restart: 'unless-stopped',
    stopTimeout: life.stopSeconds,
    destroyGraceSeconds: life.stopSeconds,
    healthcheck: {
      tests: ['CMD', ...life.healthcheck],
      interval: `${context.healthIntervalSeconds}s`,
      timeout: '5s',
      retries: 5,
      startPeriod: '0s',
    },
    wait: true,
    waitTimeout: healthyWithinSeconds,
  };
}
