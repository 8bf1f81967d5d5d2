import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { Redis } from 'ioredis';

/** Runs a script with these keys and arguments. Rejects as any command does; nothing is sent twice but a NOSCRIPT. */
export type RedisScript = (
  client: Redis,
  keys: readonly string[],
  values: readonly (string | Buffer | number)[],
) => Promise<unknown>;

/**
 * A Lua script from a file. Replies are Buffers. With `hash` the server is told the text only when it does not know
 * the hash, which takes a second command.
 */
export function loadRedisScript(file: URL, send: 'hash' | 'text' = 'hash'): RedisScript {
  const text = readFileSync(file, 'utf8');
  const sha1 = createHash('sha1').update(text).digest('hex');
  return async (client, keys, values) => {
    const rest = [keys.length, ...keys, ...values];
    if (send === 'text') return client.callBuffer('EVAL', [text, ...rest]);
    try {
      return await client.callBuffer('EVALSHA', [sha1, ...rest]);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return client.callBuffer('EVAL', [text, ...rest]);
    }
  };
}
