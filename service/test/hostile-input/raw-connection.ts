import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import type { HostileRequest } from './hostile-requests.ts';

export interface RawAnswer {
  readonly status: number;
  /** By lower-case names; the last of several. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export interface Exchange {
  readonly answers: readonly RawAnswer[];
  readonly milliseconds: number;
}

export interface RawConnection {
  /** Sends the bytes as they are. Rejects when there is no answer, or none that is HTTP, within the time. */
  exchange(request: HostileRequest): Promise<Exchange>;
  close(): void;
}

/** The request's head, byte by byte as it is sent. */
export function writeHead({ method, target, protocol, headers }: HostileRequest): Buffer {
  return Buffer.from(
    `${method} ${target} ${protocol}\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`,
    'latin1',
  );
}

/**
 * A client that sends what node's own would refuse to. Requests that are HTTP/1.1 as it should be follow each other on
 * one connection while the server keeps it; each of the others has one of its own, and if its framing is wrong, all that
 * comes until the server ends the connection is its answers.
 */
export function createRawConnection(port: number, timeoutMs: number): RawConnection {
  let kept: Socket | undefined;
  return {
    async exchange(request) {
      const startedMs = performance.now();
      const { method, framing, protocol, body = Buffer.alloc(0) } = request;
      const keep = framing === 'right' && protocol === 'HTTP/1.1';
      const socket = (keep && kept?.readyState === 'open' ? kept : undefined) ?? (await open(port));
      if (keep) kept = socket;
      const received = receive(socket, method === 'HEAD', { first: framing === 'right', timeoutMs });
      socket.write(Buffer.concat([writeHead(request), body]));
      if (framing === 'cut') socket.end();
      const answers = await received;
      if (!keep || answers[0]?.headers.get('connection') === 'close') socket.destroy();
      return { answers, milliseconds: performance.now() - startedMs };
    },
    close: () => kept?.destroy(),
  };
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  // Each exchange looks at the end of its connection.
  socket.on('error', () => undefined);
  return socket;
}

/** The first answer, or all of them until the connection ends. */
function receive(
  socket: Socket,
  isHead: boolean,
  { first, timeoutMs }: { readonly first: boolean; readonly timeoutMs: number },
): Promise<readonly RawAnswer[]> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const finish = (): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', onClose);
      try {
        resolve(readAnswers(bytes, isHead));
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      if (first && readAnswers(bytes, isHead).length > 0) finish();
    };
    const onClose = (): void => {
      if (first && readAnswers(bytes, isHead).length === 0) {
        clearTimeout(timer);
        reject(new Error(`the connection ended without an answer, after ${JSON.stringify(bytes.toString('latin1'))}`));
      } else finish();
    };
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer within ${timeoutMs} ms, only ${JSON.stringify(bytes.toString('latin1'))}`));
    }, timeoutMs);
    socket.on('data', onData).once('close', onClose);
  });
}

/** Those that are complete. 1xx are no answers yet. */
function readAnswers(bytes: Buffer, isHead: boolean): readonly RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let rest = bytes; ;) {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd < 0) return answers;
    const [statusLine = '', ...lines] = rest.subarray(0, headEnd).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.1 (?<status>\d{3}) /.exec(statusLine)?.groups?.['status']);
    if (!Number.isInteger(status)) throw new Error(`no status line of HTTP/1.1: ${JSON.stringify(statusLine)}`);
    const headers = new Map(lines.map(readHeader));
    const bodiless = isHead || status < 200 || status === 204 || status === 304;
    const length = bodiless ? 0 : Number(headers.get('content-length'));
    if (!Number.isInteger(length)) throw new Error(`an answer ${status} whose length is not known: ${lines.join()}`);
    const end = headEnd + 4 + length;
    if (rest.length < end) return answers;
    if (status >= 200) answers.push({ status, headers, body: rest.subarray(headEnd + 4, end) });
    rest = rest.subarray(end);
  }
}

function readHeader(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
