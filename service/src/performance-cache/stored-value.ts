import { randomBytes } from 'node:crypto';

import type { Representation } from './performance-cache.ts';

/**
 * What stands in Redis under an entry's key, in bytes:
 *
 *     tokens     22 each   the generation and, for lists, the version that the load ran under
 *     presence    1        `+`: a representation follows; `-`: there is no such performance
 *     stored at   6        milliseconds since 1970, big-endian
 *     etag size   1
 *     etag, body
 *
 * take-lease.lua knows this layout too.
 */
export interface StoredValue {
  readonly representation: Representation | undefined;
  readonly storedAtMs: number;
}

export const tokenBytes = 22;
const fixedBytes = 8;
const present = 0x2b;
const absent = 0x2d;

/** 128 random bits. A token says "unchanged since"; unlike a counter it can't come back after an eviction. */
export function newToken(): string {
  return randomBytes(16).toString('base64url');
}

export function encodeStoredValue(tokens: string, { representation, storedAtMs }: StoredValue): Buffer {
  const etag = representation?.etag ?? '';
  const header = Buffer.alloc(tokens.length + fixedBytes + etag.length);
  header.write(tokens, 'latin1');
  header[tokens.length] = representation ? present : absent;
  header.writeUIntBE(storedAtMs, tokens.length + 1, 6);
  header[tokens.length + 7] = etag.length;
  header.write(etag, tokens.length + fixedBytes, 'latin1');
  return representation ? Buffer.concat([header, representation.body]) : header;
}

/** `undefined` for whatever was not written by `encodeStoredValue`. The body shares the memory of `bytes`. */
export function decodeStoredValue(bytes: Buffer, numberOfTokens: number): StoredValue | undefined {
  const start = numberOfTokens * tokenBytes;
  if (bytes.length < start + fixedBytes) return undefined;
  const presence = bytes[start];
  const bodyStart = start + fixedBytes + (bytes[start + 7] ?? 0);
  if ((presence !== present && presence !== absent) || bytes.length < bodyStart) return undefined;
  const representation =
    presence === present
      ? { etag: bytes.toString('latin1', start + fixedBytes, bodyStart), body: bytes.subarray(bodyStart) }
      : undefined;
  return { representation, storedAtMs: bytes.readUIntBE(start + 1, 6) };
}

/** Whether `bytes` begins with exactly these tokens. A token that is missing matches nothing. */
export function carriesTokens(bytes: Buffer, tokens: readonly (Buffer | null)[]): boolean {
  let start = 0;
  for (const token of tokens) {
    const end = start + tokenBytes;
    if (token?.length !== tokenBytes || bytes.length < end) return false;
    if (bytes.compare(token, 0, tokenBytes, start, end) !== 0) return false;
    start = end;
  }
  return true;
}
