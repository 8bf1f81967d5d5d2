import { drawBlockOrders } from '../protocol/block-orders.ts';

import { checkDiscarded } from './discarded-attempts.ts';
import { EvidenceError } from './evidence-error.ts';
import { evidenceFiles } from './evidence-files.ts';
import type { Evidence, RunRecord } from './schema.ts';

/**
 * What no schema can say: that the three files speak of the same slots, each once, that the variants took turns as the
 * seed says, and that no request lacks its latency. Throws `EvidenceError`.
 */
export function checkConsistency({ run, samples, latencies }: Evidence): void {
  checkRun(run);
  checkDiscarded(run);
  const slots = new Set([...run.slots, ...(run.discarded ?? [])].map(({ id }) => id));
  checkLines(
    evidenceFiles.samples,
    slots,
    samples.map(({ slot, metric }) => ({ slot, key: `${slot}/${metric}` })),
  );
  checkLines(
    evidenceFiles.latencies,
    slots,
    latencies.map(({ slot, route }) => ({ slot, key: `${slot}/${route}` })),
  );
  for (const [index, { count, buckets }] of latencies.entries()) {
    const place = { file: evidenceFiles.latencies, line: index + 1 };
    const total = buckets.reduce((sum, [, requests]) => sum + requests, 0);
    if (total !== count) throw new EvidenceError(place, `the buckets hold ${total} requests, count says ${count}`);
    const unsorted = buckets.find(([microseconds], at) => at > 0 && microseconds <= (buckets[at - 1]?.[0] ?? 0));
    if (unsorted) throw new EvidenceError(place, `the bucket at ${unsorted[0]} µs is not in ascending order`);
  }
  checkCompleteLatencies({ samples, latencies });
}

/** Both come from the generator's raw file. A slot without the sample is left to whoever needs it. */
function checkCompleteLatencies({ samples, latencies }: Pick<Evidence, 'samples' | 'latencies'>): void {
  const timed = new Map<string, number>();
  for (const { slot, count } of latencies) timed.set(slot, (timed.get(slot) ?? 0) + count);
  for (const { slot, metric, value } of samples) {
    const own = timed.get(slot) ?? 0;
    if (metric === 'requests' && own !== value) {
      throw new EvidenceError(
        { file: evidenceFiles.latencies },
        `slot "${slot}" has the latencies of ${own} requests, ${evidenceFiles.samples} says ${value}: are lines missing?`,
      );
    }
  }
}

function checkRun({ experiment, slots, calibration, seed, profile }: RunRecord): void {
  const fail = (problem: string): never => {
    throw new EvidenceError({ file: evidenceFiles.run }, problem);
  };
  const repeated = (keys: readonly string[]) => keys.find((key, index) => keys.indexOf(key) !== index);

  const slot = repeated(slots.map(({ id }) => id));
  if (slot !== undefined) fail(`slot "${slot}" stands there twice`);
  const measured = slots.filter(({ role }) => role === 'measured');
  const homeless = measured.find(({ block, position }) => block === undefined || position === undefined);
  if (homeless) fail(`measured slot "${homeless.id}" has no block or no position`);
  const place = repeated(measured.map(({ block, position }) => `block ${block}, position ${position}`));
  if (place !== undefined) fail(`two measured slots stand at ${place}`);
  const orders = drawBlockOrders(seed, profile.blocks);
  const misplaced = measured.find(({ block = 0, position = 0, variant }) => {
    const drawn = orders[block - 1]?.[position - 1];
    return drawn !== undefined && drawn !== variant;
  });
  if (misplaced) {
    const order = orders[(misplaced.block ?? 0) - 1]?.join(', ');
    fail(
      `measured slot "${misplaced.id}" is of "${misplaced.variant}", and seed ${seed} draws ${order} for its block: were the variants swapped?`,
    );
  }
  const unknown = calibration?.slots.find((id) => !slots.some((slot) => slot.id === id));
  if (unknown !== undefined) fail(`calibration names slot "${unknown}", which is not among the slots`);

  const metric = repeated(experiment.metrics.map(({ id }) => id));
  if (metric !== undefined) fail(`metric "${metric}" is defined twice`);
  const primary = experiment.metrics.filter(({ role }) => role === 'primary').map(({ id }) => id);
  if (primary.length !== 1 || primary[0] !== experiment.claim.metric) {
    fail(`the claim speaks of "${experiment.claim.metric}", the primary metrics are: ${primary.join(', ') || 'none'}`);
  }
  if (experiment.variants[0].id !== 'before' || experiment.variants[1].id !== 'after') {
    fail('the variants must be "before" and "after", in this order');
  }
}

function checkLines(file: string, slots: ReadonlySet<string>, lines: readonly { slot: string; key: string }[]): void {
  const seen = new Map<string, number>();
  for (const [index, { slot, key }] of lines.entries()) {
    const line = index + 1;
    if (!slots.has(slot)) throw new EvidenceError({ file, line }, `slot "${slot}" is not in ${evidenceFiles.run}`);
    const first = seen.get(key);
    if (first !== undefined) throw new EvidenceError({ file, line }, `"${key}" was already on line ${first}`);
    seen.set(key, line);
  }
}
