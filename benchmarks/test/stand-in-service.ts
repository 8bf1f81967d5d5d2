import { createServer, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SeenRequest {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

export interface Answer {
  readonly afterMs?: number;
  readonly status?: number;
  readonly body?: string;
}

/** A server that answers the main page's requests as it is told, and remembers what it was asked. */
export interface StandInService extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
}

/** What an answer leaves out is as it should be: at once, with status 200 and the body that the scenarios expect. */
export async function startStandInService(answer: (path: string) => Answer): Promise<StandInService> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const { afterMs = 0, status = 200, body = rightBody(path) } = answer(path);
    const reply = async (): Promise<void> => {
      seen.push({
        at: Date.now(),
        method: request.method ?? '',
        path,
        authorization: request.headers.authorization,
        body: await textOf(request),
      });
      if (afterMs > 0) await sleep(afterMs);
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
    };
    reply().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`not listening on a port but on ${address}`);
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function rightBody(path: string): string {
  const id = /^\/performances\/(\d+)$/.exec(path)?.[1];
  return id === undefined ? '{"items":[{"id":1}],"next":null}' : `{"id":${id},"title":"A title"}`;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  return text;
}
