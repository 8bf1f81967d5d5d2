import { createHash, timingSafeEqual } from 'node:crypto';

import type { Context } from 'koa';

import { DomainError } from '../domain-error.ts';

/** Throws `unauthorized` unless the request carries the token. */
export type Authorize = (ctx: Context) => void;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Compares digests, so that the time it takes tells neither the token nor its length (RFC 6750). */
export function createBearerAuthorization(token: string): Authorize {
  const expected = digest(token);
  return (ctx) => {
    const given = /^Bearer +(?<token>[^ ]+) *$/i.exec(ctx.get('Authorization'))?.groups?.['token'];
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return;
    ctx.set(
      'WWW-Authenticate',
      given === undefined ? 'Bearer realm="ticketing"' : 'Bearer realm="ticketing", error="invalid_token"',
    );
    throw new DomainError(
      'unauthorized',
      given === undefined
        ? 'a write needs the header "Authorization: Bearer <API_TOKEN>"'
        : 'the bearer token is not the one that the service was started with (API_TOKEN)',
    );
  };
}
