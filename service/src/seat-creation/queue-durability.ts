import type { Redis } from 'ioredis';

import { asList, asText } from './stream-reply.ts';

/** What makes the reply to an XADD mean "on disk, and staying". */
const needed: Readonly<Record<string, { readonly value: string; readonly because: string }>> = {
  appendonly: { value: 'yes', because: 'without it nothing survives a restart' },
  appendfsync: { value: 'always', because: 'everysec loses what was acknowledged in the last second' },
  'no-appendfsync-on-rewrite': { value: 'no', because: 'yes stops the fsync while the file is rewritten' },
  'maxmemory-policy': { value: 'noeviction', because: 'any other policy may delete accepted jobs' },
};

/** Everything about the server that breaks the promise of a 202, in words; empty when nothing does. */
export type FindDurabilityProblems = (client: Redis) => Promise<readonly string[]>;

export const findDurabilityProblems: FindDurabilityProblems = async (client) => {
  const reply = asList('CONFIG GET', await client.callBuffer('CONFIG', ['GET', ...Object.keys(needed)]));
  const texts = reply.map((part) => asText('CONFIG GET', part));
  return Object.entries(needed).flatMap(([name, { value, because }]) => {
    const index = texts.findIndex((text, position) => position % 2 === 0 && text === name);
    const found = index < 0 ? 'unknown' : texts[index + 1];
    return found === value ? [] : [`${name} must be ${value}, got ${found}: ${because}`];
  });
};
