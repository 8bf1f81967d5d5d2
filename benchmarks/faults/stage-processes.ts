import { createScratch } from '../environments/scratch.ts';
import { removeSharedMemory } from '../environments/shared-memory.ts';
import type { SupervisedProcess } from '../environments/supervised-process.ts';
import { descendants, readProcessTable } from '../probes/process-table.ts';
import { killTree } from './process-tree.ts';

/** The processes of a stage, and the folder that they work in. */
export interface StageProcesses {
  readonly directory: string;
  /** What `spawn` starts is killed with the others from now on. @throws when they have been */
  launch(spawn: () => Promise<SupervisedProcess>): Promise<SupervisedProcess>;
  /** Writes down who belongs to a frozen process, which will not end by itself when the lab does. */
  recordTree(process: SupervisedProcess): void;
  /** SIGKILL to all, frozen ones and those that are being started as well; nothing is launched any more. */
  kill(): Promise<void>;
  /** Removes the folder. */
  remove(): Promise<void>;
}

export async function createStageProcesses(): Promise<StageProcesses> {
  const scratch = await createScratch({ keep: false });
  const running = new Set<SupervisedProcess>();
  const launchedIds = new Set<number>();
  const launching = new Set<Promise<SupervisedProcess>>();
  let isOver = false;
  const refuseWhenOver = (): void => {
    if (isOver) throw new Error('the stage is closed: nothing is started on it any more');
  };
  const killRunning = async (): Promise<void> => {
    await Promise.all(
      [...running].map(async (process) => {
        await killTree(process.processId);
        await process.ended;
      }),
    );
  };
  return {
    directory: scratch.path,
    async launch(spawn) {
      refuseWhenOver();
      const launch = spawn();
      launching.add(launch);
      try {
        const process = await launch;
        running.add(process);
        launchedIds.add(process.processId);
        void process.ended.then(() => running.delete(process));
        scratch.record(process.name, process.processId);
        return process;
      } finally {
        launching.delete(launch);
      }
    },
    recordTree({ name, processId }) {
      for (const id of descendants(readProcessTable(), processId)) scratch.record(name, id);
    },
    async kill() {
      isOver = true;
      await killRunning();
      while (launching.size > 0) await Promise.allSettled(launching);
      await killRunning();
      await removeSharedMemory(launchedIds);
    },
    remove: () => scratch.remove(),
  };
}
