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
  /** What runs, as a path from the top of the repository, and its arguments. Default: the service's main.ts. */
  readonly entry?: readonly string[];
  /** Top of the work tree that it runs from, absolute. Default: the lab's own. */
  readonly sources?: string | undefined;
}

/** Where a process of the service listens. */
export interface ServiceAddresses {
  /** `undefined`: a worker has none. */
  readonly apiUrl: string | undefined;
  readonly adminUrl: string;
}

export interface WorkerProcess {
  readonly adminUrl: string;
  readonly process: SupervisedProcess;
}

export interface ServiceProcess extends WorkerProcess {
  readonly apiUrl: string;
}

/** Its time to stop in order, over that of the service itself. */
const stopMarginMs = 3_000;
const defaultGraceMs = 10_000;

/** Resolves when the service says that it is ready. @throws with the end of its log when it does not come up. */
export async function startService(request: ServiceRequest): Promise<ServiceProcess> {
  const { apiUrl, adminUrl, process } = await startReady(request);
  if (apiUrl === undefined) {
    await process.stop();
    throw new Error(`${request.name} has no API: start what has ROLE=worker with startWorker`);
  }
  return { apiUrl, adminUrl, process };
}

/** The same for a process that may have no API: `ROLE=worker`. */
export async function startWorker(request: ServiceRequest): Promise<WorkerProcess> {
  const { adminUrl, process } = await startReady(request);
  return { adminUrl, process };
}

async function startReady(request: ServiceRequest): Promise<ServiceAddresses & { process: SupervisedProcess }> {
  const process = await spawnService(request);
  try {
    return { ...(await waitUntilServing(process)), process };
  } catch (error) {
    await process.stop();
    throw error;
  }
}

/** One of the service's entry points as a process; nobody waits until it is ready. */
export function spawnService(request: ServiceRequest): Promise<SupervisedProcess> {
  const { name, directory, configuration, sources = repository } = request;
  const [script = '', ...args] = request.entry ?? ['service/src/main.ts'];
  return startSupervisedProcess({
    name,
    command: process.execPath,
    args: [join(sources, script), ...args],
    environment: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...configuration },
    directory: sources,
    logFile: join(directory, `${name.replaceAll(/\W+/g, '-')}-${Date.now()}.log`),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: Number(configuration['SHUTDOWN_GRACE_MS'] ?? defaultGraceMs) + stopMarginMs,
  });
}

/** Resolves when the service says that it is ready. @throws with the end of its log when it does not come up. */
export async function waitUntilServing(process: SupervisedProcess): Promise<ServiceAddresses> {
  const { apiPort, adminPort } = await waitUntilReady(process, () => readListening(process));
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  await waitUntilReady(process, () => isReady(adminUrl));
  return { apiUrl: apiPort === undefined ? undefined : `http://127.0.0.1:${apiPort}`, adminUrl };
}

const listeningSchema = z.object({ event: z.literal('listening'), apiPort: z.int().optional(), adminPort: z.int() });

async function readListening(supervised: SupervisedProcess): Promise<z.infer<typeof listeningSchema> | undefined> {
  const line = (await supervised.log()).split('\n').find((text) => text.includes('"event":"listening"'));
  return line?.endsWith('}') ? listeningSchema.parse(JSON.parse(line)) : undefined;
}

/** No answer counts as not ready: whoever waits learns from the process itself that it has ended. */
export async function isReady(adminUrl: string): Promise<true | undefined> {
  try {
    const { ok } = await fetch(`${adminUrl}/readyz`, { signal: AbortSignal.timeout(2_000) });
    return ok ? true : undefined;
  } catch {
    return undefined;
  }
}
