import type { Context } from 'koa';

import type { Representation } from '../performance-cache/performance-cache.ts';

const entityTag = /(?:W\/)?(?<opaque>"[\u0021\u0023-\u007E\u0080-\u00FF]*")/g;

/** Weak comparison of `If-None-Match` with a representation that exists (RFC 9110, 13.1.2 and 8.8.3.2). */
export function matchesEntityTag(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch === etag || ifNoneMatch.trim() === '*') return true;
  for (const match of ifNoneMatch.matchAll(entityTag)) if (match.groups?.['opaque'] === etag) return true;
  return false;
}

/** The stored bytes as they are, or 304 when the client has them. A cache may keep them, but must ask first. */
export function answerEntity(ctx: Context, { body, etag }: Representation): void {
  const { res } = ctx;
  res.setHeader('ETag', etag);
  res.setHeader('Cache-Control', 'no-cache');
  const ifNoneMatch = ctx.req.headers['if-none-match'];
  if (ifNoneMatch !== undefined && matchesEntityTag(ifNoneMatch, etag)) {
    ctx.status = 304;
    return;
  }
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  ctx.body = body;
}
