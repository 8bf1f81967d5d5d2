import { createSeededRandom } from '../analysis/seeded-random.ts';
import type { GateVariant } from '../gate/gate-record.ts';

type Order = readonly GateVariant[];

/** Every order is its own mirror image: base, head and control have the same mean place, so that a drift meets all alike. */
const orders: Readonly<Record<'without' | 'with', readonly [Order, Order]>> = {
  without: [
    ['base', 'head', 'head', 'base'],
    ['head', 'base', 'base', 'head'],
  ],
  with: [
    ['base', 'head', 'control', 'head', 'base'],
    ['head', 'base', 'control', 'base', 'head'],
  ],
};

/** One of two orders for every block, drawn from the seed. */
export function drawGateOrders(
  seed: number,
  { blocks, control }: { readonly blocks: number; readonly control: boolean },
): readonly Order[] {
  const random = createSeededRandom(seed);
  const [one, other] = orders[control ? 'with' : 'without'];
  return Array.from({ length: blocks }, () => (random() < 0.5 ? one : other));
}
