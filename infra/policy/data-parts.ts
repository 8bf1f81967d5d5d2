import type { ResourceValidationPolicy } from '@pulumi/policy';
import { z } from 'zod';

import { componentOf, containerPolicy, type ContainerProperties } from './container-policy.ts';

/** The value behind `--name`, or after its equals sign. */
function option({ command }: ContainerProperties, name: string): string | undefined {
  const index = command.indexOf(`--${name}`);
  const joined = command.find((word) => word.startsWith(`--${name}=`));
  return joined?.slice(name.length + 3) ?? (index === -1 ? undefined : command[index + 1]);
}

const dataVolume = /-data$/;

export const dataPolicies: readonly ResourceValidationPolicy[] = [
  containerPolicy('queue-durable', 'What the queue has acknowledged is on disk.', (container) => {
    if (componentOf(container) !== 'redis-queue') return undefined;
    if (option(container, 'appendonly') !== 'yes') return 'appendonly must be yes';
    if (option(container, 'appendfsync') !== 'always') return 'appendfsync must be always: everysec loses a second';
    if (option(container, 'maxmemory-policy') !== 'noeviction') return 'maxmemory-policy must be noeviction';
    return container.volumes.some(({ containerPath }) => containerPath === '/data')
      ? undefined
      : 'it has no volume at /data';
  }),
  containerPolicy('cache-in-memory', 'A cache on disk would bring old answers back.', (container) => {
    if (componentOf(container) !== 'redis-cache') return undefined;
    if (option(container, 'appendonly') !== 'no') return 'appendonly must be no';
    if (!(container.command[container.command.indexOf('--save') + 1] ?? '').startsWith('--'))
      return 'save must be empty';
    if (option(container, 'maxmemory') === undefined) return 'it has no maxmemory';
    return container.volumes.some(({ containerPath }) => containerPath === '/data')
      ? 'it has a volume at /data'
      : undefined;
  }),
  containerPolicy('retention-bounded', 'Prometheus does not fill the disk.', (container) =>
    componentOf(container) !== 'prometheus' ||
    (option(container, 'storage.tsdb.retention.time') !== undefined &&
      option(container, 'storage.tsdb.retention.size') !== undefined)
      ? undefined
      : 'set --storage.tsdb.retention.time and --storage.tsdb.retention.size',
  ),
  containerPolicy('dashboards-behind-a-password', 'Nobody sees Grafana without a name.', (container) => {
    if (componentOf(container) !== 'grafana') return undefined;
    if (!container.envs.includes('GF_AUTH_ANONYMOUS_ENABLED=false')) return 'set GF_AUTH_ANONYMOUS_ENABLED to false';
    return container.envs.some((entry) => entry.startsWith('GF_SECURITY_ADMIN_PASSWORD__FILE='))
      ? undefined
      : 'its administrator has the password that everybody knows: set GF_SECURITY_ADMIN_PASSWORD__FILE';
  }),
  {
    name: 'data-kept-in-prod',
    description: 'In production no data volume goes by a deployment.',
    enforcementLevel: 'mandatory',
    validateResource: ({ type, props, opts, urn }, report) => {
      if (type !== 'docker:index/volume:Volume' || !urn.startsWith('urn:pulumi:prod::')) return;
      const { name } = z.object({ name: z.string().optional() }).parse(props);
      if (name === undefined || !dataVolume.test(name)) return;
      if (!opts.protect) report(`the volume ${name} must be protected: set protect`);
    },
  },
];
