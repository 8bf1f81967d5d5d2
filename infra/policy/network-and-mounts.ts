import type { ResourceValidationPolicy } from '@pulumi/policy';

import { componentOf, containerPolicy, type ContainerProperties, isStarted } from './container-policy.ts';

/** The parts that people and other machines speak to, where a stack opens its ports. */
const openParts = /^(proxy|api-\d+|prometheus|grafana)$/;

const engineSocket = 'docker.sock';

function hostPathsOf({ volumes, mounts }: ContainerProperties): readonly string[] {
  return [
    ...volumes.flatMap(({ hostPath }) => hostPath ?? []),
    ...mounts.filter(({ type }) => type === 'bind').map(({ source }) => source ?? ''),
  ];
}

export const networkPolicies: readonly ResourceValidationPolicy[] = [
  containerPolicy('ports-on-loopback', 'Only what is meant for others listens beyond this machine.', (container) => {
    const open = container.ports.filter(({ ip }) => ip !== '127.0.0.1');
    return open.length === 0 || openParts.test(componentOf(container))
      ? undefined
      : `its ports listen on ${open.map(({ ip }) => ip ?? 'every address').join(', ')}: publish them on 127.0.0.1`;
  }),
  containerPolicy('no-host-network', 'A container has a network of its own.', ({ networkMode }) =>
    networkMode === 'host' ? 'it uses the network of the host: use the network of the stack' : undefined,
  ),
  containerPolicy('network-explicit', 'Every container says which network it is on.', ({ networkMode }) =>
    networkMode === null || networkMode === '' || networkMode === 'bridge' || networkMode === 'default'
      ? `its networkMode is "${networkMode ?? ''}": name the network of the stack`
      : undefined,
  ),
  containerPolicy('no-host-pid', 'A container does not see the processes of the host.', ({ pidMode }) =>
    pidMode === 'host' ? 'pidMode is host: leave it out' : undefined,
  ),
  containerPolicy('no-host-ipc', 'A container shares no memory with the host.', ({ ipcMode }) =>
    ipcMode === 'host' ? 'ipcMode is host: leave it out' : undefined,
  ),
  containerPolicy('no-engine-socket', 'Nobody inside rules the engine.', (container) =>
    hostPathsOf(container).some((path) => path.includes(engineSocket))
      ? 'it has the engine’s socket, and with it the host: remove the mount'
      : undefined,
  ),
  containerPolicy('no-bind-mount', 'Data is in named volumes, files are carried in.', (container) => {
    const paths = hostPathsOf(container).filter((path) => !path.includes(engineSocket));
    return paths.length === 0 ? undefined : `it mounts ${paths.join(', ')} of the host: use a named volume`;
  }),
  containerPolicy('volumes-named', 'A volume without a name is found by nobody.', (container) => {
    const nameless = isStarted(container)
      ? container.volumes.filter((volume) => volume.volumeName === '' && volume.hostPath === undefined)
      : [];
    return nameless.length === 0
      ? undefined
      : `the volume at ${nameless.map(({ containerPath }) => containerPath).join(', ')} has no name: create one`;
  }),
];
