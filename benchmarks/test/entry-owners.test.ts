import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type EntryOwners, watchEntryOwners } from '../faults/entry-owners.ts';
import type { PendingEntry } from '../faults/queue-inspection.ts';

const minIdleMs = 10_000;

/** Shows the owner each of these in turn, and the last one until it is stopped. */
async function watch(...seen: readonly (readonly PendingEntry[])[]): Promise<EntryOwners> {
  const rest = [...seen];
  let last = rest[0] ?? [];
  const queue = {
    pending(): Promise<readonly PendingEntry[]> {
      last = rest.shift() ?? last;
      return Promise.resolve(last);
    },
  };
  const { signal } = new AbortController();
  const owners = watchEntryOwners(queue, seen[0] ?? [], { firstOwner: 'worker-1', minIdleMs, signal });
  while (rest.length > 0) await sleep(1);
  return owners;
}

const heldBy = (consumer: string, idleMs = 0): readonly PendingEntry[] => [{ entryId: '1-0', consumer, idleMs }];

describe('the owners of entries', () => {
  it('are seen to change when another takes over', async () => {
    const owners = await watch(heldBy('worker-1'), heldBy('worker-2'));
    expect(await owners.stop()).toBe(0);
    expect(owners.takenOverAtMs()).toBeTypeOf('number');
  });

  it('are not seen to change when the entries are settled by the first', async () => {
    const owners = await watch(heldBy('worker-1'), []);
    expect(await owners.stop()).toBe(0);
    expect(owners.takenOverAtMs()).toBeUndefined();
  });

  it('are reported when the first takes back what another is alive with', async () => {
    const owners = await watch(heldBy('worker-1'), heldBy('worker-2'), heldBy('worker-1'));
    expect(await owners.stop()).toBe(1);
  });

  it('are not reported when the other had given no sign of life for long', async () => {
    const owners = await watch(heldBy('worker-1'), heldBy('worker-2', minIdleMs), heldBy('worker-1'));
    expect(await owners.stop()).toBe(0);
  });
});
