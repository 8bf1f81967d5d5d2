import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { descendants, readProcessTable } from '../../probes/process-table.ts';

const run = promisify(execFile);

/**
 * One CPU for the database alone, and the others for everything else that the lab starts: what the database can serve
 * is its own limit then, and its work delays nobody. Open series share it; the last `giveBack` ends it.
 */
export interface DatabaseCore {
  /** Holds a process, all its descendants, and whatever they will start, on the database's CPU. */
  hold(processId: number): Promise<void>;
  giveBack(): Promise<void>;
}

let shared: { readonly cpus: readonly number[]; holders: number } | undefined;

/** Why no CPU can be set apart here, with the remedy; `undefined` when one can. */
export async function databaseCoreUnavailable(): Promise<string | undefined> {
  let cpus;
  try {
    cpus = await cpusOf(process.pid);
  } catch (error) {
    return `taskset cannot be run (${error instanceof Error ? error.message : String(error)}): install util-linux`;
  }
  return cpus.length < 2 && !shared
    ? 'this machine has one CPU, and the database needs one to itself: take one with two'
    : undefined;
}

/** From now on the lab, and what it starts, leave the database's CPU alone. */
export async function takeDatabaseCore(): Promise<DatabaseCore> {
  shared ??= { cpus: await cpusOf(process.pid), holders: 0 };
  const taken = shared;
  taken.holders += 1;
  const [own = 0, ...others] = taken.cpus;
  await allow(process.pid, others);
  let isGivenBack = false;
  return {
    async hold(processId) {
      for (const id of descendants(readProcessTable(), processId)) {
        try {
          await allow(id, [own]);
        } catch (error) {
          // One that has ended since the table was read needs no place.
          if (readProcessTable().has(id)) throw error;
        }
      }
    },
    async giveBack() {
      if (isGivenBack) return;
      isGivenBack = true;
      taken.holders -= 1;
      if (taken.holders > 0) return;
      shared = undefined;
      await allow(process.pid, taken.cpus);
    },
  };
}

/** All threads of a process. */
async function allow(processId: number, cpus: readonly number[]): Promise<void> {
  await run('taskset', ['-apc', cpus.join(','), String(processId)]);
}

async function cpusOf(processId: number): Promise<number[]> {
  const { stdout } = await run('taskset', ['-pc', String(processId)]);
  return parseCpuList(stdout.slice(stdout.lastIndexOf(':') + 1).trim());
}

/** `0,2-4` as taskset(1) prints it: 0, 2, 3, 4. @throws when it is anything else */
export function parseCpuList(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    if (from === undefined) throw new Error(`"${list}" is no list of CPUs such as 0,2-4`);
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) => Number(from) + index);
  });
}
