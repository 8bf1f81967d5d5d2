import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';

import type { HttpMetrics } from '../telemetry/http-metrics.ts';
import { createRequestIds, requestContext } from '../telemetry/request-context.ts';
import { HttpError, toProblem } from './problem-details.ts';

const longestUrl = 4096;

/**
 * The outermost middleware: gives the request its id, turns whatever is thrown into a problem document, and
 * counts. A read that went well writes no line at the default level; the metrics have it.
 */
export function createRequestBoundary({ logger, metrics }: { logger: Logger; metrics: HttpMetrics }): Middleware {
  const requestIdOf = createRequestIds();
  return (ctx, next) => {
    const startedMs = performance.now();
    const requestId = requestIdOf(ctx.req.headers['x-request-id']);
    ctx.res.setHeader('X-Request-Id', requestId);
    return requestContext.run({ requestId }, async () => {
      try {
        refuseMalformed(ctx);
        await next();
      } catch (error) {
        answerProblem(ctx, error, requestId, logger);
      }
      const seconds = (performance.now() - startedMs) / 1000;
      const { method } = ctx;
      const { route = 'unmatched' } = ctx.state as { route?: string };
      metrics.observe(method, route, ctx.status, seconds);
      const level = method === 'GET' || method === 'HEAD' || ctx.status >= 400 ? 'debug' : 'info';
      if (logger.isLevelEnabled(level)) logger[level]({ event: 'request', method, route, status: ctx.status, seconds });
    });
  };
}

/** What of HTTP/1.1 a request must hold to before Koa reads it: with an address that has no path Koa fails. */
function refuseMalformed(ctx: Context): void {
  const { host, expect } = ctx.req.headers;
  if (ctx.url.length > longestUrl) throw new HttpError('uri-too-long', `an address may have ${longestUrl} characters`);
  if (!hasPath(ctx.url) && /^https?:/i.test(ctx.url) && URL.canParse(ctx.url)) {
    // The absolute form, which every server has to take (RFC 9112, 3.2.2).
    const { pathname, search } = new URL(ctx.url);
    ctx.url = `${pathname}${search}`;
  }
  if (!hasPath(ctx.url))
    throw new HttpError(
      'malformed-request',
      `the address must be a path or an http URL, got "${ctx.url.slice(0, 200)}"`,
    );
  if (host === undefined && ctx.req.httpVersion === '1.1')
    throw new HttpError('malformed-request', 'a request of HTTP/1.1 needs the header Host');
  if (expect !== undefined && expect.toLowerCase() !== '100-continue')
    throw new HttpError('expectation-failed', `"Expect" must be 100-continue or absent, got "${expect.slice(0, 200)}"`);
}

const hasPath = (url: string): boolean => url.startsWith('/') || url === '*';

/** What node's parser lets pass in a path, and RFC 3986 does not have there. */
const notInPath = /%(?![\dA-Fa-f]{2})|[^\w.~!$&'()*+,;=:@/%-]/g;

/** The path of `url`, with the characters escaped that no URI has; two slashes at its start would name a host. */
function toUriReference(url: string): string | undefined {
  const [path = ''] = url.split('?', 1);
  if (!hasPath(path) || path.startsWith('//')) return undefined;
  return path.replaceAll(notInPath, (character) => {
    const code = character.charCodeAt(0);
    return `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

const isTooLate = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_HTTP_HEADERS_SENT';

function answerProblem(ctx: Context, error: unknown, requestId: string, logger: Logger): void {
  // While it was worked on, the parser refused the rest of the request's body, and the answer to that is out.
  if (ctx.headerSent && isTooLate(error)) return;
  const instance = toUriReference(ctx.url);
  const problem = toProblem(error, { ...(instance !== undefined && { instance }), requestId });
  if (problem.code === 'internal-error') logger.error({ event: 'request-failed', err: error });
  else if (problem.code === 'database-unavailable' || problem.code === 'queue-unavailable')
    logger.warn({ event: problem.code, err: error });
  ctx.status = problem.status;
  ctx.set(problem.headers);
  ctx.body = problem.body;
}
