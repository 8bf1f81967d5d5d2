import { ComponentResource, type ComponentResourceOptions, type Input } from '@pulumi/pulumi';

import { filesFolder } from './container-files.ts';
import { HardenedContainer, type HardenedContainerArgs } from './hardened-container.ts';
import { createDataVolume } from './stack-volume.ts';

export interface GrafanaArgs extends Pick<HardenedContainerArgs, 'context' | 'image'> {
  /** Of the user `admin`. */
  readonly password: Input<string>;
  /** By file name: `provisioning/` with datasources and providers, `dashboards/`. */
  readonly files: Readonly<Record<string, string>>;
  readonly hostPort: number | undefined;
}

const webPort = 3000;

export class Grafana extends ComponentResource {
  readonly server: HardenedContainer;

  constructor(name: string, args: GrafanaArgs, options?: ComponentResourceOptions) {
    super('ticketing:monitoring:Grafana', name, {}, options);
    const data = createDataVolume(args.context, `${name}-data`, { parent: this });
    this.server = new HardenedContainer(
      name,
      {
        context: args.context,
        image: args.image,
        user: 'grafana',
        environment: {
          GF_SECURITY_ADMIN_PASSWORD__FILE: `${filesFolder}/admin-password`,
          PROMETHEUS_URL: 'http://prometheus:9090',
          GF_AUTH_ANONYMOUS_ENABLED: 'false',
          GF_USERS_ALLOW_SIGN_UP: 'false',
          GF_ANALYTICS_REPORTING_ENABLED: 'false',
          GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
          GF_PATHS_PROVISIONING: `${filesFolder}/provisioning`,
        },
        files: { plain: args.files, secret: { 'admin-password': args.password } },
        volumes: [{ name: data.name, path: '/var/lib/grafana' }],
        ports: { [webPort]: args.hostPort },
        scratch: ['/tmp'],
        memoryMegabytes: 256,
        cpus: 1,
        life: {
          kind: 'service',
          healthcheck: ['wget', '-q', '-O', '/dev/null', `http://127.0.0.1:${webPort}/api/health`],
          stopSeconds: 10,
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
