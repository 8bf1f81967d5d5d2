import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

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
  /** A request was refused with this status before `listener` got to see it. */
  readonly onUnparsed?: (status: number) => void;
}

export interface HttpServer {
  /** Listens, and resolves with the port. */
  start(): Promise<number>;
  /** Accepts nothing more, and resolves when every request in flight has been answered or has timed out. */
  stop(): Promise<void>;
}

/** The last request of a connection that has had one. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

const headerBytes = 16 * 1024;
/** Longer than a proxy's usual minute, so that the proxy is the one who closes an idle connection. */
const keepAliveTimeoutMs = 65_000;
const idleCheckMs = 20;
/** What a client still sends after a refusal is read for so long: to close at once would take the answer back. */
const lingerMs = 2_000;

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
  onUnparsed = () => {},
}: HttpServerOptions): HttpServer {
  let stopping = false;
  const connections = new Set<Socket>();
  const exchanges = new WeakMap<Duplex, Exchange>();
  const refused = new WeakSet<Duplex>();
  const server = createServer({
    maxHeaderSize: headerBytes,
    requestTimeout: requestTimeoutMs,
    headersTimeout: Math.min(10_000, requestTimeoutMs),
    connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs),
    keepAliveTimeout: keepAliveTimeoutMs,
    // Node's own refusal has no body; the listener checks.
    requireHostHeader: false,
  });
  const answer: RequestListener = (request, response) => {
    exchanges.set(request.socket, { request, response });
    if (stopping) response.shouldKeepAlive = false;
    listener(request, response);
  };
  // Every later piece of a request that the parser has refused is an error again.
  const refuse = (error: NodeJS.ErrnoException, socket: Duplex): void => {
    if (refused.has(socket) && error.code !== 'ECONNRESET') return;
    refused.add(socket);
    refuseUnparsed(error, socket, exchanges.get(socket), onUnparsed);
    const linger = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(linger));
  };
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', answer);
  server.on('checkExpectation', answer);
  server.on('clientError', (error, socket) => refuse(error, socket));

  /** A connection that sent nothing is not idle to Node; and its check of the timeouts ends with `close()`. */
  function endSilentConnections(): NodeJS.Timeout {
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
    return setTimeout(() => {
      for (const socket of connections) {
        const exchange = exchanges.get(socket);
        if (!exchange?.request.complete || exchange.response.writableFinished)
          refuse(Object.assign(new Error('stopping'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
      }
    }, requestTimeoutMs);
  }

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
        const timeOut = endSilentConnections();
        server.close(() => {
          clearInterval(closeIdle);
          clearTimeout(timeOut);
          resolve();
        });
      }),
  };
}

/**
 * Answers what the parser refuses, unless the client would take the answer for another request's: when the request
 * has its answer already, or one before it is still to be answered.
 */
function refuseUnparsed(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  exchange: Exchange | undefined,
  onUnparsed: (status: number) => void,
): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [code, message] = parserErrors[error.code ?? ''] ?? ['malformed-request', `not HTTP/1.1: ${error.message}`];
  const requestId = exchange?.response.getHeader('X-Request-Id');
  const inFlight = exchange !== undefined && !(exchange.request.complete && exchange.response.writableFinished);
  const { status, headers, body } = toProblem(new HttpError(code, message, error), {
    ...(inFlight && typeof requestId === 'string' && { requestId }),
  });
  const fields = { ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' };
  if (!inFlight) {
    onUnparsed(status);
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join('')}\r\n${body}`);
  } else if (exchange.request.complete || exchange.response.headersSent) {
    socket.destroy();
  } else {
    const { request, response } = exchange;
    // What the listener has said of another answer.
    for (const name of response.getHeaderNames()) if (name !== 'x-request-id') response.removeHeader(name);
    response.writeHead(status, fields).end(body);
    // The listener waits for the body, and counts the answer that it finds made.
    socket.once('close', () => request.destroy(error));
  }
}
