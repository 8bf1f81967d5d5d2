import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type RedisServer, type RedisServerRequest, startRedisServer } from '../environments/redis-server.ts';
import type { RedisNode } from './stage.ts';
import type { StageProcesses } from './stage-processes.ts';
import { createSupervisedNode } from './supervised-node.ts';

type RedisNodeRequest = Pick<RedisServerRequest, 'role' | 'settings' | 'environment'>;

/** A Redis server of the stage, ready. */
export async function startRedisNode(request: RedisNodeRequest, processes: StageProcesses): Promise<RedisNode> {
  const name = `redis-${request.role}`;
  const directory = join(processes.directory, name);
  await mkdir(directory);
  let server: RedisServer | undefined;
  const node = createSupervisedNode({
    name,
    processes,
    async spawn() {
      server = await startRedisServer({ ...request, name, directory, ...(server && { port: server.port }) });
      return server.process;
    },
  });
  await node.start();
  if (!server) throw new Error(`${name} was not started`);
  return Object.assign(node, { port: server.port, url: server.url, directory });
}
