import { z } from 'zod';

import type { ServiceNode } from './stage.ts';

const beginsSchema = z.object({ event: z.literal('seat-creation-consumer'), slot: z.int() });

/** The name that the worker's process has in the group, as its log has it; `undefined` while it has none. */
export async function consumerOfWorker(worker: ServiceNode): Promise<string | undefined> {
  const lines = (await worker.process.log()).split('\n');
  const line = lines.findLast((text) => text.includes('"event":"seat-creation-consumer"') && text.endsWith('}'));
  return line === undefined ? undefined : `worker-${beginsSchema.parse(JSON.parse(line)).slot}`;
}
