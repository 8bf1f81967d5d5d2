import { createServer, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';

import { HttpError, type HttpErrorCode, toProblem } from './problem-details.ts';

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The variable that sets `port`, for the message when the port is taken. */
  readonly portVariable: string;
  /** For a whole request, headers and body; the headers alone have 10 s of it at most. */
  readonly requestTimeoutMs: number;
  readonly listener: RequestListener;
}

export interface HttpServer {
  /** Listens, and resolves with the port. */
  start(): Promise<number>;
  /** Accepts nothing more, and resolves when every request in flight has been answered. */
  stop(): Promise<void>;
}

const headerBytes = 16 * 1024;
/** Longer than a proxy's usual minute, so that the proxy is the one who closes an idle connection. */
const keepAliveTimeoutMs = 65_000;
const idleCheckMs = 20;

const parserErrors: Readonly<Record<string, readonly [HttpErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers-too-large', `the request line and headers may have ${headerBytes} bytes`],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body-too-large', 'the extensions of a chunk are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 'the whole request did not arrive in time'],
};

/** A node:http server with limits on time and size, whose parser's refusals are problem documents as well. */
export function createHttpServer({
  host,
  port,
  portVariable,
  requestTimeoutMs,
  listener,
}: HttpServerOptions): HttpServer {
  let stopping = false;
  const server = createServer(
    {
      maxHeaderSize: headerBytes,
      requestTimeout: requestTimeoutMs,
      headersTimeout: Math.min(10_000, requestTimeoutMs),
      connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs),
      keepAliveTimeout: keepAliveTimeoutMs,
    },
    (request, response) => {
      if (stopping) response.shouldKeepAlive = false;
      listener(request, response);
    },
  );
  server.on('clientError', refuseUnparsed);

  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', (cause) =>
          reject(new Error(`${portVariable}: can't listen on ${host}:${port}: ${cause.message}`, { cause })),
        );
        server.listen(port, host, () => {
          const address = server.address();
          resolve(typeof address === 'object' && address !== null ? address.port : port);
        });
      }),
    stop: () =>
      new Promise((resolve) => {
        stopping = true;
        // Node leaves a connection open that becomes idle after close() was called.
        const closeIdle = setInterval(() => server.closeIdleConnections(), idleCheckMs);
        server.close(() => {
          clearInterval(closeIdle);
          resolve();
        });
      }),
  };
}

function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [code, message] = parserErrors[error.code ?? ''] ?? ['malformed-request', `not HTTP/1.1: ${error.message}`];
  const { status, headers, body } = toProblem(new HttpError(code, message, error), {});
  const lines = [
    `HTTP/1.1 ${status} Refused`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
