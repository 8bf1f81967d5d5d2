import path from 'node:path';
import process from 'node:process';

import { Redis } from 'ioredis';

import type { BenchRequest } from './bench-request.ts';
import type { RunningVariant } from './environments/environment.ts';
import { createScratch, type Scratch } from './environments/scratch.ts';
import type { Binary } from './evidence/fingerprint.ts';
import { startLoad } from './load/k6.ts';
import { openWindowMeter } from './probes/window-meter.ts';
import { createProgress, type Progress } from './protocol/progress.ts';
import type { SlotPorts } from './protocol/slot.ts';
import { setUpTools } from './toolchain/set-up-tools.ts';
import type { ToolName } from './toolchain/tool.ts';

const scenariosFolder = path.join(import.meta.dirname, 'scenarios');

/** All that slots need of this machine, for as long as somebody measures. */
export interface SlotSession {
  readonly ports: SlotPorts;
  readonly binaries: readonly Binary[];
  readonly scratch: Scratch;
  readonly progress: Progress;
}

interface SlotSessionRequest extends Pick<BenchRequest, 'database' | 'output' | 'signal'> {
  /** Absent: `processes`. */
  readonly environment?: BenchRequest['environment'] | undefined;
}

/** The servers of which this machine must have the programs; containers bring their own. */
export function serverTools({
  database,
  environment,
}: Pick<SlotSessionRequest, 'database' | 'environment'>): readonly ToolName[] {
  if (environment === 'containers') return [];
  return database === 'postgres' ? ['redis-server', 'postgres'] : ['redis-server'];
}

async function emptyCache({ redisCacheUrl }: RunningVariant): Promise<void> {
  const redis = new Redis(redisCacheUrl, { maxRetriesPerRequest: 1 });
  try {
    await redis.flushall('SYNC');
  } finally {
    redis.disconnect();
  }
}

/** Loads write into the scratch folder, which knows their processes. */
export function createSlotPorts(k6: string, scratch: Scratch, signal: AbortSignal): SlotPorts {
  return {
    startLoad(load) {
      const script = path.join(scenariosFolder, load.script);
      const running = startLoad(k6, { ...load, script }, scratch.path);
      scratch.record('k6', running.processId);
      return running;
    },
    openWindowMeter,
    emptyCache,
    signal,
  };
}

/** Finds or installs k6, and the servers that run as processes; takes everything away when `use` ends. */
export async function withSlotSession<Result>(
  { database, environment, output, signal }: SlotSessionRequest,
  use: (session: SlotSession) => Promise<Result>,
): Promise<Result> {
  const tools = await setUpTools(['k6', ...serverTools({ database, environment })], output);
  const k6 = tools.find(({ name }) => name === 'k6');
  if (k6 === undefined) throw new Error('setUpTools gave no k6 and no error');
  const progress = createProgress(output);
  const scratch = await createScratch({ keep: false });
  const ports = createSlotPorts(k6.path, scratch, signal);
  const binaries = [...tools, { name: 'node', version: process.version, path: process.execPath }];
  try {
    return await use({ ports, binaries, scratch, progress });
  } finally {
    progress.close();
    await scratch.remove();
  }
}
