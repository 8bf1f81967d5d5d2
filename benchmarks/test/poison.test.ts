import { describe, expect, it } from 'vitest';
import { letterProblems, type PoisonEntry } from '../faults/poison.ts';

const poison: readonly PoisonEntry[] = [
  { kind: 'garbage', entryId: '1-0' },
  { kind: 'garbage', entryId: '2-0' },
  { kind: 'unknown hall', entryId: '3-0' },
];
const letter = (entryId: string, reason: string) => ({ entryId, reason, operationId: '', writtenAtMs: 0 });
const letters = [letter('1-0', 'unreadable'), letter('2-0', 'unreadable'), letter('3-0', 'hall-not-found')];

describe('the letters of poisoned entries', () => {
  it('are one each, with the reason of their kind', () => {
    expect(letterProblems(letters, poison)).toEqual([]);
    expect(letterProblems([...letters, letter('4-0', 'constraint')], poison)).toEqual([]);
  });

  it('are missed, counted twice and read', () => {
    expect(letterProblems(letters.slice(1), poison)).toEqual(['1 of 2 entries (garbage) have no dead letter']);
    expect(letterProblems([...letters, letter('3-0', 'hall-not-found')], poison)).toEqual([
      '1 of 1 entries (unknown hall) have more than one dead letter',
    ]);
    expect(letterProblems([...letters.slice(0, 2), letter('3-0', 'unexpected')], poison)).toEqual([
      '1 letters of 1 entries (unknown hall) give a reason other than hall-not-found, as unexpected',
    ]);
  });
});
