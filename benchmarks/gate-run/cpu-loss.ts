import { subscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import process from 'node:process';

/**
 * Planted into a service with `--import`: every request costs so much CPU more. A control of the gate, which must see
 * it. Says in CPU_LOSS_FILE, read once at the start, how many microseconds by method: `{"GET":50,"POST":400}`.
 */
const file = process.env['CPU_LOSS_FILE'] ?? '';
const microseconds: Readonly<Record<string, number>> = JSON.parse(readFileSync(file, 'utf8'));

let state = 1;

/** Work, not time: what waits for a CPU meanwhile burns no less. */
function burn(rounds: number): void {
  for (let round = 0; round < rounds; round += 1) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
}

const roundsOfTrial = 200_000;
const trials = 50;

/** By the fastest of many trials: the others were interrupted, or not compiled yet. */
function measureRoundsPerMicrosecond(): number {
  const durations = Array.from({ length: trials }, () => {
    const startedAt = process.hrtime.bigint();
    burn(roundsOfTrial);
    return Number(process.hrtime.bigint() - startedAt) / 1000;
  });
  return roundsOfTrial / Math.min(...durations);
}

const burning = Object.keys(microseconds).length > 0;
const roundsPerMicrosecond = burning ? measureRoundsPerMicrosecond() : 0;

// Documented by Node: published when a request has been received, before its listener is called.
subscribe('http.server.request.start', (message) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the channel's documented message
  const { request } = message as { request: { method: string } };
  burn((microseconds[request.method] ?? 0) * roundsPerMicrosecond);
});
