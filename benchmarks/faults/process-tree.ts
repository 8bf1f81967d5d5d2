import { setTimeout as sleep } from 'node:timers/promises';
import {
  descendants,
  isAlive,
  listProcFolder,
  type ProcessEntry,
  readProcess,
  readProcessTable,
  readProcFile,
} from '../probes/process-table.ts';

/**
 * Sends a signal to a process and all its descendants. SIGSTOP goes from the parent to its children, and on until a
 * reading of the table shows nobody new, so that nothing is forked past it; SIGCONT goes from the children to the
 * parent, and to nobody when the process has ended.
 *
 * @throws when there is no such process, which no other signal can hurt
 */
export function signalTree(processId: number, signal: NodeJS.Signals): void {
  if (signal !== 'SIGCONT' && !isAlive(processId)) {
    throw new Error(`process ${processId} can't be sent ${signal}: it does not run`);
  }
  if (signal === 'SIGSTOP') stopTree(processId);
  else {
    const members = readTree(processId);
    for (const member of signal === 'SIGCONT' ? members.toReversed() : members) send(member, signal);
  }
}

/**
 * SIGKILL to a process and all its descendants; stopped first, because orphans are nobody's descendants. Resolves
 * when all are gone, at once when the process has ended already.
 *
 * @throws when one of them still runs after 10 s
 */
export async function killTree(processId: number): Promise<void> {
  const members = stopTree(processId);
  for (const member of members) send(member, 'SIGKILL');
  await waitUntilGone(members, 10_000);
}

/** @throws an error that names those of them that still run when the time is over */
export async function waitUntilGone(members: readonly ProcessEntry[], timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const survivors = members.filter((member) => !hasGone(member));
    if (survivors.length === 0) return;
    if (performance.now() > deadline) {
      throw new Error(`still there ${timeoutMs} ms after SIGKILL: ${survivors.map(describe).join(', ')}`);
    }
    await sleep(5);
  }
}

function stopTree(processId: number): readonly ProcessEntry[] {
  const stopped = new Map<number, ProcessEntry>();
  for (;;) {
    const found = readTree(processId).filter(({ id }) => !stopped.has(id));
    if (found.length === 0) return [...stopped.values()];
    for (const member of found) {
      send(member, 'SIGSTOP');
      stopped.set(member.id, member);
    }
  }
}

/** Parents before their children; those that have ended are not among them. */
function readTree(rootId: number): readonly ProcessEntry[] {
  const table = readProcessTable();
  return [...descendants(table, rootId)].flatMap((id) => table.get(id) ?? []).filter(({ isZombie }) => !isZombie);
}

function send({ id }: ProcessEntry, signal: NodeJS.Signals): void {
  try {
    process.kill(id, signal);
  } catch (error) {
    // It has ended since the table was read.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** A zombie whose threads still end holds its files and ports. */
function hasGone({ id, startTicks }: ProcessEntry): boolean {
  const now = readProcess(id);
  if (now === undefined || now.startTicks !== startTicks) return true;
  return now.isZombie && listProcFolder(`/proc/${id}/task`).length <= 1;
}

function describe({ id }: ProcessEntry): string {
  const command = readProcFile(`/proc/${id}/cmdline`)?.replaceAll('\0', ' ').trim();
  return `process ${id}${command ? ` (${command})` : ''}`;
}
