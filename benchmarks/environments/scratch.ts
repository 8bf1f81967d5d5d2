import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { isAlive, readProcess } from '../probes/process-table.ts';
import { removeSharedMemory } from './shared-memory.ts';

const prefix = 'ticketing-lab-';
const ownersFile = 'processes.json';

/** A process by more than its id, which may have been given to another one since. */
const identitySchema = z.object({ name: z.string(), processId: z.int(), startTicks: z.int() });
const ownersSchema = z.object({ lab: identitySchema, keep: z.boolean(), children: z.array(identitySchema) });
type Identity = z.infer<typeof identitySchema>;

/** A folder for one run, with a list of the processes that work in it, for the case that nobody tidies up. */
export interface Scratch {
  readonly path: string;
  /** Adds a process to the list. */
  record(name: string, processId: number): void;
  remove(): Promise<void>;
}

/** @param keep leaves the folder, with databases and logs, where it is */
export async function createScratch({ keep }: { readonly keep: boolean }): Promise<Scratch> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  // Root's PostgreSQL may have to run as somebody else, who must get to its own folder in here.
  if (process.getuid?.() === 0) await chmod(path, 0o711);
  let children: readonly Identity[] = [];
  // Renamed into place: another run may read it at any moment.
  const write = (): void => {
    const file = join(path, ownersFile);
    writeFileSync(`${file}.new`, JSON.stringify({ lab: identify('lab', process.pid), keep, children }));
    renameSync(`${file}.new`, file);
  };
  write();
  const removeNow = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  if (!keep) process.once('exit', removeNow);
  return {
    path,
    record(name, processId) {
      children = [...children.filter(stillRuns), identify(name, processId)];
      write();
    },
    async remove() {
      if (keep) return;
      process.off('exit', removeNow);
      await rm(path, { recursive: true, force: true });
    },
  };
}

function identify(name: string, processId: number): Identity {
  return { name, processId, startTicks: readProcess(processId)?.startTicks ?? 0 };
}

function stillRuns({ processId, startTicks }: Identity): boolean {
  return isAlive(processId) && readProcess(processId)?.startTicks === startTicks;
}

/** Ends and removes what is left of runs that were killed before they could do it themselves; says what. */
export async function removeLeftovers(onStep: (step: string) => void): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const path = join(tmpdir(), name);
    const owners = await readOwners(path);
    if (!owners || owners.keep || stillRuns(owners.lab)) continue;
    const left = owners.children.filter(stillRuns);
    for (const { processId } of left) process.kill(processId, 'SIGKILL');
    // What they are attached to is removed below; a kill takes milliseconds.
    for (let waits = 0; waits < 100 && left.some(stillRuns); waits += 1) await sleep(10);
    await removeSharedMemory(new Set(owners.children.map(({ processId }) => processId)));
    await rm(path, { recursive: true, force: true });
    const ended = left.map((child) => `${child.name} (process ${child.processId})`).join(', ');
    onStep(`removed what an earlier run left behind: ${path}${ended && `, ${ended}`}`);
  }
}

/** Undefined for a folder of another user or kind, and for one that has just gone. */
async function readOwners(path: string): Promise<z.infer<typeof ownersSchema> | undefined> {
  const file = join(path, ownersFile);
  try {
    if ((await stat(path)).uid !== process.getuid?.()) return undefined;
    return ownersSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(`${file} can't be read: remove its folder when no run uses it`, { cause: error });
  }
}
