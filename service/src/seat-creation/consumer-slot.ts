import { randomUUID } from 'node:crypto';

import type { Redis } from 'ioredis';

import { loadRedisScript } from '../redis/redis-script.ts';
import { slotPrefix } from './stream-keys.ts';
import { asNumber } from './stream-reply.ts';

const takeScript = loadRedisScript(new URL('take-slot.lua', import.meta.url));
const leaveScript = loadRedisScript(new URL('leave-slot.lua', import.meta.url));

/** The right to a consumer's name, for as long as heartbeats renew it. */
export interface ConsumerSlot {
  readonly number: number;
  /** Of this process, and of this time that it took a slot. */
  readonly token: string;
}

/** The lowest slot that nobody is in. */
export async function takeSlot(client: Redis, lifetimeMs: number): Promise<ConsumerSlot> {
  const token = randomUUID();
  const reply = await takeScript(client, [], [slotPrefix, token, lifetimeMs]);
  return { number: asNumber('take-slot.lua', reply), token };
}

/** Does nothing when it is somebody else's by now. */
export async function leaveSlot(client: Redis, { number, token }: ConsumerSlot): Promise<void> {
  await leaveScript(client, [`${slotPrefix}${number}`], [token]);
}
