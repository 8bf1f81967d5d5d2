import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ServiceAddresses, spawnService, waitUntilServing } from '../environments/service-process.ts';
import type { ServiceNode } from './stage.ts';
import type { StageProcesses } from './stage-processes.ts';
import { createSupervisedNode } from './supervised-node.ts';

/** What a process that ended in order has compiled, for those after it: most of a start, and suites have hundreds. */
const compileCache = join(import.meta.dirname, '..', '..', '.data', 'compile-cache');

export interface ServiceNodeRequest {
  readonly name: string;
  readonly configuration: Readonly<Record<string, string>>;
  /** What runs, as a path from the top of the repository, and its arguments. Default: the service's main.ts. */
  readonly entry?: readonly string[] | undefined;
}

/** A process of the service, ready. The ports that it got are its own from now on. */
export async function startServiceNode(request: ServiceNodeRequest, processes: StageProcesses): Promise<ServiceNode> {
  const { name, configuration, entry } = request;
  const directory = join(processes.directory, name);
  await mkdir(directory);
  let addresses: ServiceAddresses | undefined;
  const node = createSupervisedNode({
    name,
    processes,
    spawn: () =>
      spawnService({
        name,
        directory,
        configuration: {
          NODE_COMPILE_CACHE: compileCache,
          ...configuration,
          PORT: portOf(addresses?.apiUrl),
          ADMIN_PORT: portOf(addresses?.adminUrl),
        },
        ...(entry && { entry }),
      }),
    async untilReady(process) {
      addresses = await waitUntilServing(process);
    },
  });
  await node.start();
  if (!addresses) throw new Error(`${name} was not started`);
  return Object.assign(node, addresses);
}

const portOf = (url: string | undefined): string => (url === undefined ? '0' : new URL(url).port);
