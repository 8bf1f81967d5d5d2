import {
  ComponentResource,
  type ComponentResourceOptions,
  type Input,
  interpolate,
  type Output,
  secret,
} from '@pulumi/pulumi';

import { filesFolder } from './container-files.ts';
import { HardenedContainer, type HardenedContainerArgs } from './hardened-container.ts';
import { createDataVolume } from './stack-volume.ts';

export interface RedisArgs extends Pick<
  HardenedContainerArgs,
  'context' | 'image' | 'ports' | 'memoryMegabytes' | 'cpuSet'
> {
  readonly password: Input<string>;
}

/** Of the container's limit: the rest is for buffers, and for the pages that a rewrite of the file copies. */
const shareOfMemory = 0.6;
const redisPort = 6379;

/** The queue: what was acknowledged is on disk, and nothing is thrown away for want of memory. */
export class RedisQueue extends ComponentResource {
  readonly server: HardenedContainer;
  /** With its password. */
  readonly url: Output<string>;

  constructor(name: string, args: RedisArgs, options?: ComponentResourceOptions) {
    super('ticketing:data:RedisQueue', name, {}, options);
    const data = createDataVolume(args.context, `${name}-data`, { parent: this });
    this.server = createServer(name, args, {
      settings: [
        '--appendonly',
        'yes',
        '--appendfsync',
        'always',
        '--maxmemory-policy',
        'noeviction',
        '--dir',
        '/data',
      ],
      volumes: [{ name: data.name, path: '/data' }],
      parent: this,
    });
    this.url = urlOf(name, args.password);
    this.registerOutputs({});
  }
}

/** The cache: nothing on disk, so that no old answer comes back, and the rarely read goes first. */
export class RedisCache extends ComponentResource {
  readonly server: HardenedContainer;
  /** With its password. */
  readonly url: Output<string>;

  constructor(name: string, args: RedisArgs, options?: ComponentResourceOptions) {
    super('ticketing:data:RedisCache', name, {}, options);
    this.server = createServer(name, args, {
      settings: ['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lfu', '--dir', '/tmp'],
      volumes: [],
      parent: this,
    });
    this.url = urlOf(name, args.password);
    this.registerOutputs({});
  }
}

interface RedisRole extends Required<Pick<HardenedContainerArgs, 'volumes'>> {
  readonly settings: readonly string[];
  readonly parent: ComponentResource;
}

function createServer(name: string, args: RedisArgs, { settings, volumes, parent }: RedisRole): HardenedContainer {
  const { password, memoryMegabytes, ...rest } = args;
  const maxMemory = `${Math.floor(memoryMegabytes * shareOfMemory)}mb`;
  return new HardenedContainer(
    name,
    {
      ...rest,
      memoryMegabytes,
      // `--save` with nothing behind it: no snapshots.
      command: ['redis-server', `${filesFolder}/password.conf`, '--save', ...settings, '--maxmemory', maxMemory],
      user: 'redis',
      files: { secret: { 'password.conf': interpolate`requirepass ${secret(password)}\n`, password } },
      volumes,
      scratch: ['/tmp'],
      cpus: 1,
      life: {
        kind: 'service',
        // Not answered with PONG while the file is being loaded.
        healthcheck: ['sh', '-c', `REDISCLI_AUTH=$(cat ${filesFolder}/password) redis-cli ping | grep -q PONG`],
        stopSeconds: 30,
      },
    },
    { parent },
  );
}

function urlOf(host: string, password: Input<string>): Output<string> {
  return secret(interpolate`redis://:${password}@${host}:${redisPort}`);
}
