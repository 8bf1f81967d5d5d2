import { hash } from 'node:crypto';

import type { Representation } from './performance-cache.ts';

/** 160 bits: no two bodies of one resource will ever share a tag. */
const etagCharacters = 27;

/** The JSON of `value` with a strong entity tag, which is a hash of these very bytes. */
export function createRepresentation(value: unknown): Representation {
  const body = Buffer.from(JSON.stringify(value));
  return { body, etag: `"${hash('sha256', body, 'base64url').slice(0, etagCharacters)}"` };
}
