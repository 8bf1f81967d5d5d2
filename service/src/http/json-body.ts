import type { IncomingMessage } from 'node:http';

import type { Context } from 'koa';

import { HttpError } from './problem-details.ts';

/** A seating plan of 100,000 seats in ranges fits many times over. */
const bodyLimitBytes = 1024 * 1024;

/** The request's body, parsed. Throws `HttpError` 400, 413 or 415. */
export async function readJsonBody(ctx: Context, mediaTypes: readonly string[]): Promise<unknown> {
  refuseMediaType(ctx, mediaTypes);
  if ((ctx.request.length ?? 0) > bodyLimitBytes) throw tooLarge();
  const bytes = await readBytes(ctx.req);
  if (bytes.length === 0)
    throw new HttpError('malformed-json', `the body is empty; it must be ${mediaTypes.join(' or ')}`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (error) {
    throw new HttpError('malformed-json', `the body is not JSON in UTF-8: ${String(error)}`, error);
  }
}

function refuseMediaType(ctx: Context, mediaTypes: readonly string[]): void {
  const refused =
    ctx.request.is(...mediaTypes) === false
      ? `Content-Type ${ctx.get('Content-Type') || '(none)'}`
      : !['', 'utf-8', 'utf8'].includes(ctx.request.charset.toLowerCase())
        ? `charset ${ctx.request.charset}`
        : !['', 'identity'].includes(ctx.get('Content-Encoding').toLowerCase())
          ? `Content-Encoding ${ctx.get('Content-Encoding')}`
          : undefined;
  if (refused === undefined) return;
  ctx.set(ctx.method === 'PATCH' ? 'Accept-Patch' : 'Accept-Post', mediaTypes.join(', '));
  throw new HttpError('unsupported-media-type', `the body must be ${mediaTypes.join(' or ')} in UTF-8, got ${refused}`);
}

const tooLarge = () => new HttpError('body-too-large', `the body may have ${bodyLimitBytes} bytes`);

/** What comes after the limit is read and dropped, so that the client gets to see the answer. */
function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= bodyLimitBytes) chunks.push(chunk);
      else reject(tooLarge());
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', (cause) =>
      reject(new HttpError('malformed-request', 'the connection ended before the body did', cause)),
    );
  });
}
