import { ComponentResource, type ComponentResourceOptions, type Input, jsonStringify } from '@pulumi/pulumi';

import { filesFolder } from './container-files.ts';
import { HardenedContainer, type HardenedContainerArgs } from './hardened-container.ts';

export interface RedisExporterArgs extends Pick<HardenedContainerArgs, 'context' | 'image'> {
  /** Of the Redis that it reads. */
  readonly host: string;
  readonly password: Input<string>;
}

export const redisExporterPort = 9121;
export const postgresExporterPort = 9187;

export class RedisExporter extends ComponentResource {
  readonly exporter: HardenedContainer;

  constructor(name: string, args: RedisExporterArgs, options?: ComponentResourceOptions) {
    super('ticketing:monitoring:RedisExporter', name, {}, options);
    const address = `redis://${args.host}:6379`;
    this.exporter = new HardenedContainer(
      name,
      {
        ...smallExporter(args, redisExporterPort),
        command: [`--redis.addr=${address}`, `--redis.password-file=${filesFolder}/passwords.json`],
        files: { secret: { 'passwords.json': jsonStringify({ [address]: args.password }) } },
      },
      { parent: this, ...(options?.dependsOn === undefined ? {} : { dependsOn: options.dependsOn }) },
    );
    this.registerOutputs({});
  }
}

export interface PostgresExporterArgs extends Pick<HardenedContainerArgs, 'context' | 'image'> {
  /** Of the role `monitoring`. */
  readonly password: Input<string>;
}

export class PostgresExporter extends ComponentResource {
  readonly exporter: HardenedContainer;

  constructor(name: string, args: PostgresExporterArgs, options?: ComponentResourceOptions) {
    super('ticketing:monitoring:PostgresExporter', name, {}, options);
    this.exporter = new HardenedContainer(
      name,
      {
        ...smallExporter(args, postgresExporterPort),
        environment: {
          DATA_SOURCE_URI: 'postgres:5432/ticketing?sslmode=disable',
          DATA_SOURCE_USER: 'monitoring',
          DATA_SOURCE_PASS_FILE: `${filesFolder}/password`,
        },
        files: { secret: { password: args.password } },
      },
      { parent: this, ...(options?.dependsOn === undefined ? {} : { dependsOn: options.dependsOn }) },
    );
    this.registerOutputs({});
  }
}

function smallExporter({ context, image }: Pick<HardenedContainerArgs, 'context' | 'image'>, port: number) {
  return {
    context,
    image,
    user: 'nobody',
    memoryMegabytes: 64,
    cpus: 0.25,
    life: {
      kind: 'service',
      healthcheck: ['wget', '-q', '-O', '/dev/null', `http://127.0.0.1:${port}/`],
      stopSeconds: 10,
    },
  } as const;
}
