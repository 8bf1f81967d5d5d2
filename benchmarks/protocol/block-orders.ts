import { createSeededRandom } from '../analysis/seeded-random.ts';
import type { VariantId } from '../evidence/schema.ts';

export type BlockOrder = readonly [VariantId, VariantId, VariantId, VariantId];

const abba: BlockOrder = ['before', 'after', 'after', 'before'];
const baab: BlockOrder = ['after', 'before', 'before', 'after'];

/** ABBA or BAAB for every block, drawn from the run's seed: a drift of the machine meets both variants alike. */
export function drawBlockOrders(seed: number, blocks: number): BlockOrder[] {
  const random = createSeededRandom(seed);
  return Array.from({ length: blocks }, () => (random() < 0.5 ? abba : baab));
}
