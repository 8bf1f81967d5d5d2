import { EvidenceError } from './evidence-error.ts';
import { evidenceFiles } from './evidence-files.ts';
import type { RunRecord } from './schema.ts';

/** `block-01-2-attempt-1`: the samples and latencies of an attempt that does not stand go by it. */
export function discardedId(slot: string, attempt: number): string {
  return `${slot}-attempt-${attempt}`;
}

/** That every attempt before the one that stands is there, and nothing else. Older evidence has none of them. Throws `EvidenceError`. */
export function checkDiscarded({ slots, discarded }: Pick<RunRecord, 'slots' | 'discarded'>): void {
  if (discarded === undefined) return;
  const due = slots.flatMap(({ id, attempt }) =>
    Array.from({ length: attempt - 1 }, (_, index) => discardedId(id, index + 1)),
  );
  const there = discarded.map(({ id }) => id);
  const fail = (problem: string): never => {
    throw new EvidenceError({ file: evidenceFiles.run }, problem);
  };
  const missing = due.find((id) => !there.includes(id));
  if (missing !== undefined) fail(`the discarded attempt "${missing}" is missing`);
  const extra = there.find((id, index) => !due.includes(id) || there.indexOf(id) !== index);
  if (extra !== undefined) fail(`the discarded attempt "${extra}" stands there twice, or belongs to no slot`);
}
