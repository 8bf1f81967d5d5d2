import type { Redis } from 'ioredis';

import { loadRedisScript } from '../redis/redis-script.ts';
import { changedKeys, generationKey } from './keys.ts';
import type { EntryKeys } from './keys.ts';
import type { PerformanceChanged } from './performance-cache.ts';
import { carriesTokens, decodeStoredValue, encodeStoredValue, tokenBytes } from './stored-value.ts';
import type { StoredValue } from './stored-value.ts';

/**
 * The steps of a read and a write, each one round trip and atomic in Redis, so that a test can put them in any
 * order. They reject with whatever the client rejects with.
 */
const takeLeaseScript = loadRedisScript(new URL('take-lease.lua', import.meta.url));
const storeScript = loadRedisScript(new URL('store.lua', import.meta.url));
// Whole: after a timeout nobody waits for the NOSCRIPT that would ask for the text.
const giveBackLeaseScript = loadRedisScript(new URL('give-back-lease.lua', import.meta.url), 'text');

export interface LeaseOptions {
  /** The lease's own token, a new one for each call. */
  readonly token: string;
  readonly leaseTtlMs: number;
  /** Tokens outlive every value that carries them; each lease that is won starts their time again. */
  readonly tokenTtlMs: number;
}

export type LeaseAnswer =
  | { readonly outcome: 'found'; readonly stored: StoredValue }
  /** `lease` is opaque, and a different one each time that a lease is won. */
  | { readonly outcome: 'won' | 'held'; readonly lease: string };

const storeAnswers = ['stored', 'lease', 'generation', 'version'] as const;
export type StoreAnswer = (typeof storeAnswers)[number];

/** The hit: one MGET. `undefined` when nothing is stored, or nothing that is still good. */
export async function lookUp(client: Redis, entry: EntryKeys): Promise<StoredValue | undefined> {
  const replies = await client.mgetBuffer(...entry.tokens, entry.value);
  const bytes = replies.pop();
  return bytes && carriesTokens(bytes, replies) ? decodeStoredValue(bytes, replies.length) : undefined;
}

export async function takeLease(client: Redis, entry: EntryKeys, options: LeaseOptions): Promise<LeaseAnswer> {
  const keys = [entry.value, entry.lease, ...entry.tokens];
  const reply = await takeLeaseScript(client, keys, [options.token, options.leaseTtlMs, options.tokenTtlMs]);
  const [name, bytes] = Array.isArray(reply) ? reply.map((part) => (Buffer.isBuffer(part) ? part : undefined)) : [];
  const outcome = name?.toString();
  if (bytes && (outcome === 'won' || outcome === 'held')) return { outcome, lease: bytes.toString('latin1') };
  const stored = bytes && outcome === 'found' && decodeStoredValue(bytes, entry.tokens.length);
  if (stored) return { outcome: 'found', stored };
  throw new Error(`take-lease.lua answered "${String(reply)}", which redis-steps.ts can't read: they must agree`);
}

/** Stores under a lease that was won; whatever happened to the entry since then makes Redis refuse. */
export async function store(
  client: Redis,
  entry: EntryKeys,
  { lease, value, ttlMs }: { readonly lease: string; readonly value: StoredValue; readonly ttlMs: number },
): Promise<StoreAnswer> {
  const bytes = encodeStoredValue(lease.slice(tokenBytes), value);
  const reply = await storeScript(client, [entry.value, entry.lease, ...entry.tokens], [lease, bytes, ttlMs]);
  const answer = storeAnswers.find((known) => known === String(reply));
  if (!answer)
    throw new Error(`store.lua answered "${String(reply)}", which redis-steps.ts can't read: they must agree`);
  return answer;
}

/** `lease`: what a winner was told, or the token by which it asked. */
export async function giveBackLease(client: Redis, entry: EntryKeys, lease: string): Promise<void> {
  await giveBackLeaseScript(client, [entry.lease], [lease]);
}

/**
 * Voids value and lease of the detail and, through the versions, those of all list pages it may stand on. One
 * command is atomic by itself, needs no memory (so a full server takes it), and can't be overtaken by a read that
 * this connection sends later.
 */
export async function invalidate(client: Redis, change: PerformanceChanged): Promise<void> {
  await client.unlink(...changedKeys(change));
}

/** Voids everything that is stored, and every lease: the next lease that is taken makes a new generation. */
export async function renewGeneration(client: Redis): Promise<void> {
  await client.unlink(generationKey);
}
