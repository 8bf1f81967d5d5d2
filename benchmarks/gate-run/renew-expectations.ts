import { isDeepStrictEqual } from 'node:util';

import type { Counters } from '../gate/counters.ts';
import { compareCounters } from '../gate/compare-counters.ts';
import { describeDifference } from '../gate/judge-gate.ts';
import { CouldNotRunError } from '../protocol/could-not-run-error.ts';
import { countSources, type CountRequest } from './count-sources.ts';

/** Counts a work tree so many times from nothing. @throws {CouldNotRunError} naming what differed between two passes */
export async function countRepeatedly(request: CountRequest, passes: number): Promise<Counters> {
  const first = await countSources(request);
  for (let pass = 2; pass <= passes; pass += 1) {
    const again = await countSources(request);
    if (isDeepStrictEqual(again, first)) continue;
    const { above, below } = compareCounters(first, again);
    const differences = [...above, ...below].map(describeDifference);
    throw new CouldNotRunError(`pass ${pass} counted something else than pass 1: ${differences.join('; ')}`);
  }
  return first;
}
