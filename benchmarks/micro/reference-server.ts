import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { z } from 'zod';

import { startSupervisedProcess, type SupervisedProcess, waitUntilReady } from '../environments/supervised-process.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const listeningSchema = z.object({ event: z.literal('listening'), apiPort: z.int() });

export interface ReferenceRequest {
  /** From the top of the repository. */
  readonly entry: string;
  /** Gets the log. */
  readonly directory: string;
  readonly redisCacheUrl: string;
  /** The key whose value is sent. */
  readonly key: string;
}

/** A server that sends one value of Redis. @throws with the end of its log when it does not come up. */
export async function startReference(
  request: ReferenceRequest,
): Promise<{ readonly url: string; readonly process: SupervisedProcess }> {
  const { entry, directory, redisCacheUrl, key } = request;
  const supervised = await startSupervisedProcess({
    name: entry,
    command: process.execPath,
    args: [join(repository, entry)],
    environment: { PATH: process.env['PATH'], NODE_ENV: 'production', REDIS_CACHE_URL: redisCacheUrl, BARE_KEY: key },
    directory: repository,
    logFile: join(directory, `${basename(entry)}.log`),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 2_000,
  });
  const { apiPort } = await waitUntilReady(supervised, async () => {
    const line = (await supervised.log()).split('\n').find((text) => text.includes('"event":"listening"'));
    return line?.endsWith('}') ? listeningSchema.parse(JSON.parse(line)) : undefined;
  });
  return { url: `http://127.0.0.1:${apiPort}`, process: supervised };
}
