import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { startSupervisedProcess, type SupervisedProcess, waitUntilReady } from './supervised-process.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

export interface ServiceRequest {
  readonly name: string;
  /** Gets the log. */
  readonly directory: string;
  /** All that the service knows; nothing is inherited but the search path. */
  readonly configuration: Readonly<Record<string, string>>;
}

export interface ServiceProcess {
  readonly apiUrl: string;
  readonly adminUrl: string;
  readonly process: SupervisedProcess;
}

const listeningSchema = z.object({ event: z.literal('listening'), apiPort: z.int(), adminPort: z.int() });

/** Resolves when the service says that it is ready. @throws with the end of its log when it does not come up. */
export async function startService({ name, directory, configuration }: ServiceRequest): Promise<ServiceProcess> {
  const supervised = await spawnService('main.ts', [], { name, directory, configuration });
  try {
    const { apiPort, adminPort } = await waitUntilReady(supervised, () => readListening(supervised));
    const adminUrl = `http://127.0.0.1:${adminPort}`;
    await waitUntilReady(supervised, async () => ((await fetch(`${adminUrl}/readyz`)).ok ? true : undefined));
    return { apiUrl: `http://127.0.0.1:${apiPort}`, adminUrl, process: supervised };
  } catch (error) {
    await supervised.stop();
    throw error;
  }
}

/** One of the service's entry points as a process: `main.ts`, `seed.ts`. */
export function spawnService(
  entry: string,
  args: readonly string[],
  { name, directory, configuration }: ServiceRequest,
): Promise<SupervisedProcess> {
  return startSupervisedProcess({
    name,
    command: process.execPath,
    args: [join(repository, 'service', 'src', entry), ...args],
    environment: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...configuration },
    directory: repository,
    logFile: join(directory, `${entry.replace('.ts', '')}-${Date.now()}.log`),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 8_000,
  });
}

async function readListening(supervised: SupervisedProcess): Promise<z.infer<typeof listeningSchema> | undefined> {
  const line = (await supervised.log()).split('\n').find((text) => text.includes('"event":"listening"'));
  return line?.endsWith('}') ? listeningSchema.parse(JSON.parse(line)) : undefined;
}
