import type { MicroContext } from './micro-figure.ts';

/**
 * Measures every contestant once a round; the one that begins is another one from round to round. Round 0 warms up and
 * is thrown away. Returns a row for each contestant with a value for each round.
 */
export async function inRounds<Contestant extends { readonly name: string }, Value>(
  contestants: readonly Contestant[],
  { rounds, signal, step }: MicroContext,
  measure: (contestant: Contestant, round: number) => Promise<Value>,
): Promise<readonly (readonly Value[])[]> {
  const rows = contestants.map((): Value[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    step(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
    for (let turn = 0; turn < contestants.length; turn += 1) {
      signal.throwIfAborted();
      const index = (round + turn) % contestants.length;
      const contestant = contestants[index];
      if (contestant === undefined) continue;
      const value = await measure(contestant, round);
      if (round > 0) rows[index]?.push(value);
    }
  }
  return rows;
}
