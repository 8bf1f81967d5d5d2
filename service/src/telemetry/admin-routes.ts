import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

import type { Registry } from 'prom-client';

export type Phase = 'starting' | 'serving' | 'stopping';

export interface Health {
  readonly phase: () => Phase;
  /** Rejects when the database does not answer. A cache that is down is no reason not to be ready. */
  readonly pingDatabase: () => Promise<void>;
  readonly pingTimeoutMs: number;
}

export interface Readiness {
  readonly ready: boolean;
  readonly phase: Phase;
  readonly database: 'up' | 'down' | 'not asked';
}

/**
 * `/livez`: the process turns. `/readyz`: send it requests (200) or don't (503). `/metrics`: Prometheus text.
 * For a port of its own, which the outside never sees.
 */
export function createAdminRoutes(registry: Registry, health: Health): RequestListener {
  const routes: Readonly<Record<string, (response: ServerResponse) => Promise<void> | void>> = {
    '/livez': (response) => sendJson(response, 200, { live: true }),
    '/readyz': async (response) => {
      const readiness = await askReadiness(health);
      sendJson(response, readiness.ready ? 200 : 503, readiness);
    },
    '/metrics': async (response) => {
      const text = await registry.metrics();
      response.writeHead(200, { 'content-type': registry.contentType }).end(text);
    },
  };
  return (request, response) => {
    void answer(routes, request, response);
  };
}

async function answer(
  routes: Readonly<Record<string, (response: ServerResponse) => Promise<void> | void>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const route = routes[request.url?.split('?', 1)[0] ?? ''];
  if (route === undefined) return sendJson(response, 404, { routes: Object.keys(routes) });
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return sendJson(response, 405, { allow: ['GET', 'HEAD'] });
  }
  try {
    await route(response);
  } catch (error) {
    sendJson(response, 500, { error: String(error) });
  }
}

/** The database is asked only while serving: before and after that, the answer is no in any case. */
export async function askReadiness({ phase, pingDatabase, pingTimeoutMs }: Health): Promise<Readiness> {
  const current = phase();
  if (current !== 'serving') return { ready: false, phase: current, database: 'not asked' };
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'down'>((resolve) => {
    timer = setTimeout(resolve, pingTimeoutMs, 'down');
  });
  const ping = pingDatabase().then(
    () => 'up' as const,
    () => 'down' as const,
  );
  const database = await Promise.race([ping, timeout]);
  clearTimeout(timer);
  return { ready: database === 'up', phase: current, database };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
