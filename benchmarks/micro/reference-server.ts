import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { z } from 'zod';

import { startSupervisedProcess, waitUntilReady } from '../environments/supervised-process.ts';
import type { Workbench } from './with-service.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const listeningSchema = z.object({ event: z.literal('listening'), apiPort: z.int() });

/**
 * A program of ours that listens and says where; `entry` is a path from the top of the repository. Resolves with its
 * address. @throws with the end of its log when it does not come up
 */
export async function startReference(
  entry: string,
  environment: Readonly<Record<string, string>>,
  { directory, stopAtEnd }: Workbench,
): Promise<string> {
  const supervised = await startSupervisedProcess({
    name: entry,
    command: process.execPath,
    args: [join(repository, entry)],
    environment: { PATH: process.env['PATH'], NODE_ENV: 'production', ...environment },
    directory: repository,
    logFile: join(directory, `${basename(entry)}.log`),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 2_000,
  });
  stopAtEnd(supervised);
  const { apiPort } = await waitUntilReady(supervised, async () => {
    const line = (await supervised.log()).split('\n').find((text) => text.includes('"event":"listening"'));
    return line?.endsWith('}') ? listeningSchema.parse(JSON.parse(line)) : undefined;
  });
  return `http://127.0.0.1:${apiPort}`;
}
