import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { type ServiceUnderTest, startService, token } from '../http/service-under-test.ts';

const requestTimeoutMs = 600;
/** Node looks for what is late once in a while, at most as often as the timeout is long. */
const latestMs = 2 * requestTimeoutMs + 400;
const byteEveryMs = 20;

interface SlowClient {
  /** What came back until the server ended the connection. */
  readonly answer: string;
  readonly milliseconds: number;
}

/** Sends `text` byte by byte, and never its end. */
async function sendSlowly(port: number, atOnce: string, text: string): Promise<SlowClient> {
  const startedMs = performance.now();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  // The server's end of the connection is what is waited for, however it comes.
  socket.on('error', () => undefined);
  socket.write(atOnce);
  let sent = 0;
  const timer = setInterval(() => socket.write(text[sent++ % text.length] ?? ''), byteEveryMs);
  const giveUp = setTimeout(() => socket.destroy(), 2 * latestMs);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(timer);
  clearTimeout(giveUp);
  return { answer, milliseconds: performance.now() - startedMs };
}

const write = `POST /venues HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`;
const slow = {
  'a body of a declared length': [`${write}Content-Length: 100000\r\n\r\n`, '{"name":"x"}'],
  'a body of chunks': [`${write}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'],
  'headers without an end': ['GET /version HTTP/1.1\r\nHost: x\r\n', 'X-More: x\r\n'],
  'a request line without an end': ['GET /', 'x'],
} as const;

describe('slow clients', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => {
    service = await startService({ REQUEST_TIMEOUT_MS: String(requestTimeoutMs) });
  });
  afterAll(() => service.stop());

  it.each(Object.entries(slow))('with %s get 408 in time, and the connection ends', async (_name, [atOnce, text]) => {
    const { answer, milliseconds } = await sendSlowly(service.apiPort, atOnce, text);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('"code":"request-timeout"');
    expect(milliseconds).toBeGreaterThan(requestTimeoutMs - 50);
    expect(milliseconds).toBeLessThan(latestMs);
  });

  it('by the hundred keep nobody waiting', async () => {
    const clients = Array.from({ length: 25 }, () =>
      Object.values(slow).map(([atOnce, text]) => sendSlowly(service.apiPort, atOnce, text)),
    ).flat();
    let slowestMs = 0;
    for (let asked = 0; asked < 20; asked++) {
      const startedMs = performance.now();
      expect((await service.send('GET', '/version')).status).toBe(200);
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    }
    expect(slowestMs).toBeLessThan(requestTimeoutMs);
    const answers = await Promise.all(clients);
    expect(answers.filter(({ answer }) => !answer.startsWith('HTTP/1.1 408 '))).toEqual([]);
  });

  it('are waited for by a server without such limits', async () => {
    const server = createServer({ requestTimeout: 0, headersTimeout: 0 }, (_request, response) => response.end());
    const port = await listen(server);
    const [atOnce, text] = slow['headers without an end'];
    const { answer, milliseconds } = await sendSlowly(port, atOnce, text);
    expect(answer).toBe('');
    expect(milliseconds).toBeGreaterThan(latestMs);
  });
});

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
