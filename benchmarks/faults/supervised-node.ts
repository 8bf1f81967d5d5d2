import { onSamePort } from '../environments/free-port.ts';
import type { SupervisedProcess } from '../environments/supervised-process.ts';
import { killTree, signalTree } from './process-tree.ts';
import type { Node } from './stage.ts';
import type { StageProcesses } from './stage-processes.ts';

export interface NodeRequest {
  readonly name: string;
  /** One more process in the place of the last one: at its address, on its files. */
  readonly spawn: () => Promise<SupervisedProcess>;
  /** Resolves when it is ready; rejects when it ends before. Default: `spawn` has waited for it. */
  readonly untilReady?: (process: SupervisedProcess) => Promise<unknown>;
  readonly processes: StageProcesses;
}

export interface SupervisedNode extends Node {
  /** `start` without waiting until it is ready. */
  launch(): Promise<void>;
}

/** What all nodes have in common. At first nothing runs. */
export function createSupervisedNode({ name, spawn, untilReady, processes }: NodeRequest): SupervisedNode {
  let last: SupervisedProcess | undefined;
  let isStarting = false;
  const isRunning = (): boolean => last?.hasEnded() === false;
  const current = (): SupervisedProcess => {
    if (last === undefined || last.hasEnded()) throw new Error(`${name} does not run: start it first`);
    return last;
  };
  const launch = async (): Promise<void> => {
    if (isStarting || isRunning()) throw new Error(`${name} runs already: kill or stop it before it is started`);
    isStarting = true;
    try {
      last = await processes.launch(spawn);
    } finally {
      isStarting = false;
    }
  };
  const thaw = (): void => {
    if (isRunning()) signalTree(current().processId, 'SIGCONT');
  };
  const kill = async (): Promise<void> => {
    if (last === undefined || last.hasEnded()) return;
    await killTree(last.processId);
    await last.ended;
  };
  return {
    name,
    get processId() {
      return current().processId;
    },
    get process() {
      return current();
    },
    isRunning,
    launch,
    start: () =>
      onSamePort(async () => {
        await launch();
        try {
          await untilReady?.(current());
        } catch (error) {
          await kill();
          throw error;
        }
      }),
    kill,
    async stop() {
      thaw();
      await last?.stop();
    },
    freeze() {
      const process = current();
      signalTree(process.processId, 'SIGSTOP');
      processes.recordTree(process);
    },
    thaw,
  };
}
