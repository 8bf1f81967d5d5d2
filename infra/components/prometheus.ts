import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi';

import { filesFolder } from './container-files.ts';
import { HardenedContainer, type HardenedContainerArgs } from './hardened-container.ts';
import { createDataVolume } from './stack-volume.ts';

/** One entry of a file that `file_sd_configs` reads. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}

export interface PrometheusArgs extends Pick<HardenedContainerArgs, 'context' | 'image'> {
  /** Its configuration by file name, `prometheus.yml` among them: paths in it are relative. */
  readonly configuration: Readonly<Record<string, string>>;
  /** The addresses that it reads, by the name of the job: it finds them in `targets/<job>.json`. */
  readonly targets: Readonly<Record<string, readonly TargetGroup[]>>;
  readonly retentionDays: number;
  readonly hostPort: number | undefined;
}

const webPort = 9090;
/** Whatever the retention in days says: the volume's share of a disk is bounded. */
const retentionSize = '4GB';

export class Prometheus extends ComponentResource {
  readonly server: HardenedContainer;

  constructor(name: string, args: PrometheusArgs, options?: ComponentResourceOptions) {
    super('ticketing:monitoring:Prometheus', name, {}, options);
    const data = createDataVolume(args.context, `${name}-data`, { parent: this });
    this.server = new HardenedContainer(
      name,
      {
        context: args.context,
        image: args.image,
        command: [
          `--config.file=${filesFolder}/prometheus.yml`,
          '--storage.tsdb.path=/prometheus',
          `--storage.tsdb.retention.time=${args.retentionDays}d`,
          `--storage.tsdb.retention.size=${retentionSize}`,
        ],
        user: 'nobody',
        files: { plain: { ...args.configuration, ...targetFiles(args.targets) } },
        volumes: [{ name: data.name, path: '/prometheus' }],
        ports: { [webPort]: args.hostPort },
        memoryMegabytes: 512,
        cpus: 1,
        life: {
          kind: 'service',
          healthcheck: ['wget', '-q', '-O', '/dev/null', `http://127.0.0.1:${webPort}/-/ready`],
          stopSeconds: 30,
        },
      },
      { parent: this },
    );
    this.registerOutputs({});
  }

  get webPort() {
    return this.server.hostPort(webPort);
  }
}

function targetFiles(targets: PrometheusArgs['targets']): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(targets).map(([job, groups]) => [
      `targets/${job}.json`,
      `${JSON.stringify(groups, undefined, 2)}\n`,
    ]),
  );
}
