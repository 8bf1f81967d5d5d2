import { ComponentResource, type ComponentResourceOptions, type Input } from '@pulumi/pulumi';

import { filesFolder } from './container-files.ts';
import { HardenedContainer, type HardenedContainerArgs } from './hardened-container.ts';
import { createDataVolume } from './stack-volume.ts';

export interface AlertmanagerArgs extends Pick<HardenedContainerArgs, 'context' | 'image'> {
  /** With the receiver's address in it, which may hold a secret. */
  readonly configuration: Input<string>;
}

export const alertmanagerPort = 9093;

export class Alertmanager extends ComponentResource {
  readonly server: HardenedContainer;

  constructor(name: string, args: AlertmanagerArgs, options?: ComponentResourceOptions) {
    super('ticketing:monitoring:Alertmanager', name, {}, options);
    const data = createDataVolume(args.context, `${name}-data`, { parent: this });
    this.server = new HardenedContainer(
      name,
      {
        context: args.context,
        image: args.image,
        command: [
          `--config.file=${filesFolder}/alertmanager.yml`,
          '--storage.path=/alertmanager',
          // One of its kind: no gossip.
          '--cluster.listen-address=',
        ],
        user: 'nobody',
        files: { secret: { 'alertmanager.yml': args.configuration } },
        volumes: [{ name: data.name, path: '/alertmanager' }],
        memoryMegabytes: 64,
        cpus: 0.25,
        life: {
          kind: 'service',
          healthcheck: ['wget', '-q', '-O', '/dev/null', `http://127.0.0.1:${alertmanagerPort}/-/ready`],
          stopSeconds: 10,
        },
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
