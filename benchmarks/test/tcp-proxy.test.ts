import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type RedisServer, startRedisServer } from '../environments/redis-server.ts';
import { startTcpProxy, type TcpProxy } from '../faults/tcp-proxy.ts';

let directory: string;
let redis: RedisServer;
let direct: Redis;
let proxy: TcpProxy;
const clients: Redis[] = [];
const sockets: Socket[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcp-proxy-test-'));
  redis = await startRedisServer({ role: 'cache', directory });
  direct = new Redis(redis.url);
});

afterAll(async () => {
  direct.disconnect();
  await redis.stop();
  await rm(directory, { recursive: true });
});

beforeEach(async () => {
  await direct.flushall();
  proxy = await startTcpProxy({ targetPort: redis.port });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy.close();
});

/** Through the proxy, connected; it neither connects nor sends again by itself. */
async function connectClient(): Promise<Redis> {
  const client = new Redis({
    host: '127.0.0.1',
    port: proxy.port,
    lazyConnect: true,
    retryStrategy: () => null,
    disableClientInfo: true,
  });
  // The commands reject with the same error.
  client.on('error', () => undefined);
  clients.push(client);
  await client.connect();
  return client;
}

function openSocket(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  sockets.push(socket);
  return socket;
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

const silence = (promise: Promise<unknown>): Promise<unknown> => Promise.race([promise, sleep(200, 'nothing')]);

describe('a proxy without faults', () => {
  it('carries what is sent, in order and to the byte', async () => {
    const client = await connectClient();
    const value = Buffer.alloc(3_000_000, 'seat');
    await client.set('large', value);
    expect(await client.getBuffer('large')).toStrictEqual(value);
    const numbers = await Promise.all(Array.from({ length: 1000 }, () => client.incr('counter')));
    expect(numbers).toStrictEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
  });

  it('passes the end of one side on and lets the other one finish', async () => {
    await withPeer(async (peer, accepted) => {
      const client = openSocket(peer.port);
      client.end('question');
      const server = await accepted;
      expect(await textOf(server)).toBe('question');
      server.end('answer');
      expect(await textOf(client)).toBe('answer');
    });
  });

  it('resets its client where nobody listens', async () => {
    const nowhere = await startTcpProxy({ targetPort: 1 });
    const client = openSocket(nowhere.port);
    expect(await errorOf(client)).toBe('ECONNRESET');
    await nowhere.close();
  });

  it('stops reading from a sender whose receiver does not read', async () => {
    await withPeer(async (peer, accepted) => {
      const client = openSocket(peer.port);
      (await accepted).pause();
      const piece = Buffer.alloc(1024 * 1024);
      const taken = (): number => client.bytesWritten - client.writableLength;
      for (let piecesSent = 0; piecesSent < 100; piecesSent += 1) client.write(piece);
      await sleep(300);
      const before = taken();
      await sleep(200);
      expect(taken()).toBe(before);
      expect(client.writableLength).toBeGreaterThan(50 * piece.length);
      (await accepted).resume();
      await vi.waitFor(() => expect(client.writableLength).toBe(0), 5000);
    });
  });
});

describe('a delay', () => {
  it('makes a round trip longer by twice as much, and heal ends it', async () => {
    const client = await connectClient();
    expect(await secondsOf(() => client.ping())).toBeLessThan(0.05);
    proxy.setDelay(0.1);
    const delayed = await secondsOf(() => client.ping());
    expect(delayed).toBeGreaterThanOrEqual(0.2);
    expect(delayed).toBeLessThan(0.3);
    await proxy.heal();
    expect(await secondsOf(() => client.ping())).toBeLessThan(0.05);
  });

  it('holds commands sent one after the other back for the same time, not for the sum', async () => {
    const client = await connectClient();
    proxy.setDelay(0.1);
    const answers: Promise<number>[] = [];
    const seconds = await secondsOf(async () => {
      for (let sent = 0; sent < 50; sent += 1) {
        answers.push(client.incr('counter'));
        await sleep(2);
      }
      await Promise.all(answers);
    });
    expect(await Promise.all(answers)).toStrictEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(seconds).toBeLessThan(1);
  });

  it('lets 20 MB through in little more than the delay', async () => {
    const client = await connectClient();
    proxy.setDelay(0.05);
    expect(await secondsOf(() => client.set('large', Buffer.alloc(20_000_000)))).toBeLessThan(1);
  });

  it('keeps the order when it becomes shorter', async () => {
    const client = await connectClient();
    proxy.setDelay(0.2);
    const first = client.append('text', 'first ');
    await sleep(10);
    proxy.setDelay(0);
    await Promise.all([first, client.append('text', 'second')]);
    expect(await direct.get('text')).toBe('first second');
  });

  it.each([-1, Number.NaN, Infinity])('is refused when it is %s', (seconds) => {
    expect(() => proxy.setDelay(seconds)).toThrow(`a delay is 0 seconds or more, got ${seconds}`);
  });
});

describe('a dropped reply', () => {
  it('resets the connection after the command was done, and heal lets the next ones through', async () => {
    const client = await connectClient();
    proxy.dropReplies(1, Math.random);
    await expect(client.incr('counter')).rejects.toThrow(/closed|ECONNRESET/);
    expect(await direct.get('counter')).toBe('1');
    expect(proxy.droppedReplies).toBe(1);
    await proxy.heal();
    expect(await (await connectClient()).incr('counter')).toBe(2);
    expect(proxy.droppedReplies).toBe(1);
  });

  it('comes as an RST', async () => {
    proxy.dropReplies(1, Math.random);
    const client = openSocket(proxy.port);
    client.write('PING\r\n');
    expect(await errorOf(client)).toBe('ECONNRESET');
  });

  it('takes exactly the declared share of the replies, by the numbers it is given', async () => {
    const numbers = [0.05, 0.5, 0.1, 0.09, 0.9];
    proxy.dropReplies(0.1, () => numbers.shift() ?? 1);
    const outcomes: string[] = [];
    for (let sent = 0; sent < 6; sent += 1) {
      const client = openSocket(proxy.port);
      client.write('INCR counter\r\n');
      outcomes.push(await Promise.race([errorOf(client), once(client, 'data').then(() => 'answer')]));
    }
    expect(outcomes).toStrictEqual(['ECONNRESET', 'answer', 'answer', 'ECONNRESET', 'answer', 'answer']);
    expect(await direct.get('counter')).toBe('6');
    expect(proxy.droppedReplies).toBe(2);
  });

  it('does not take an earlier reply with it that is still on its way', async () => {
    const client = openSocket(proxy.port);
    const numbers = [1, 0];
    proxy.dropReplies(0.5, () => numbers.shift() ?? 1);
    proxy.setDelay(0.1);
    let received = '';
    client.on('data', (chunk: Buffer) => (received += chunk.toString()));
    client.write('INCR first\r\n');
    await sleep(30);
    client.write('INCR second\r\n');
    expect(await errorOf(client)).toBe('ECONNRESET');
    expect(received).toBe(':1\r\n');
    expect(await direct.get('second')).toBe('1');
  });

  it.each([-0.1, 1.1, Number.NaN])('is refused as a share of %s', (share) => {
    expect(() => proxy.dropReplies(share, Math.random)).toThrow(
      `the share of dropped replies is from 0 to 1, got ${share}`,
    );
  });
});

describe('a half-open connection', () => {
  it('carries nothing and stays open, while new ones work; heal does not revive it', async () => {
    const client = await connectClient();
    proxy.halfOpen();
    const answer = client.incr('counter');
    answer.catch(() => undefined);
    expect(await silence(answer)).toBe('nothing');
    expect(await direct.get('counter')).toBeNull();
    expect(await (await connectClient()).ping()).toBe('PONG');
    await proxy.heal();
    expect(await silence(answer)).toBe('nothing');
    expect(client.status).toBe('ready');
  });

  it('hides from one end that the other has gone', async () => {
    await withPeer(async (peer, accepted) => {
      const client = openSocket(peer.port);
      client.write('hello');
      const server = await accepted;
      await once(server, 'data');
      peer.halfOpen();
      const ended = Promise.race([once(server, 'end'), once(server, 'close')]);
      client.resetAndDestroy();
      expect(await silence(ended)).toBe('nothing');
      peer.reset();
      await expect(ended).rejects.toThrow('ECONNRESET');
    });
  });
});

describe('a frozen proxy', () => {
  it('carries nothing, on new connections neither, and heal lets all go on with nothing lost', async () => {
    const client = await connectClient();
    proxy.freeze();
    const answer = client.incr('counter');
    const other = openSocket(proxy.port);
    other.write('INCR counter\r\n');
    const otherAnswer = once(other, 'data');
    expect(await silence(Promise.race([answer, otherAnswer]))).toBe('nothing');
    expect(await direct.get('counter')).toBeNull();
    await proxy.heal();
    expect(new Set([await answer, Number(String(await otherAnswer).slice(1))])).toStrictEqual(new Set([1, 2]));
  });

  it('tells a new client only when it is healed that nobody listens', async () => {
    const nowhere = await startTcpProxy({ targetPort: 1 });
    nowhere.freeze();
    const error = errorOf(openSocket(nowhere.port));
    expect(await silence(error)).toBe('nothing');
    await nowhere.heal();
    expect(await error).toBe('ECONNRESET');
    await nowhere.close();
  });
});

describe('a reset', () => {
  it('reaches both ends as an RST, and new connections work', async () => {
    await withPeer(async (peer, accepted) => {
      const client = openSocket(peer.port);
      client.write('hello');
      const server = await accepted;
      await once(server, 'data');
      peer.reset();
      expect(await Promise.all([errorOf(client), errorOf(server)])).toStrictEqual(['ECONNRESET', 'ECONNRESET']);
    });
    const client = await connectClient();
    proxy.reset();
    await expect(client.ping()).rejects.toThrow(/closed|ECONNRESET/);
    expect(await (await connectClient()).ping()).toBe('PONG');
  });
});

describe('a refusing proxy', () => {
  it('is to its clients as if nobody listened, until it is healed at the same port', async () => {
    const client = await connectClient();
    proxy.refuse();
    expect(await errorOf(openSocket(proxy.port))).toBe('ECONNREFUSED');
    await expect(client.ping()).rejects.toThrow(/closed|ECONNRESET/);
    await Promise.all([proxy.heal(), proxy.heal()]);
    expect(await (await connectClient()).ping()).toBe('PONG');
  });

  it('says so when its port has been taken', async () => {
    proxy.refuse();
    const intruder = createServer().listen(proxy.port, '127.0.0.1');
    await once(intruder, 'listening');
    await expect(proxy.heal()).rejects.toThrow(`the proxy can't listen on port ${proxy.port} of 127.0.0.1`);
    intruder.close();
    await once(intruder, 'close');
    await proxy.heal();
    expect(await (await connectClient()).ping()).toBe('PONG');
  });
});

describe('a closed proxy', () => {
  it.each(['no fault', 'freeze', 'halfOpen', 'refuse'] as const)('has gone also after %s', async (fault) => {
    const client = await connectClient();
    if (fault !== 'no fault') proxy[fault]();
    await proxy.close();
    await proxy.close();
    await proxy.heal();
    await expect(client.ping()).rejects.toThrow(/closed|ECONNRESET/);
    expect(await errorOf(openSocket(proxy.port))).toBe('ECONNREFUSED');
  });
});

/** A proxy to a server of the test's own; `accepted` is the first connection that arrives there. */
async function withPeer(work: (peer: TcpProxy, accepted: Promise<Socket>) => Promise<void>): Promise<void> {
  const server: Server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection').then(([socket]: Socket[]) => {
    if (!socket) throw new Error('no connection');
    socket.on('error', () => undefined);
    return socket;
  });
  const address = server.address();
  const peer = await startTcpProxy({ targetPort: typeof address === 'object' && address ? address.port : 0 });
  try {
    await work(peer, accepted);
  } finally {
    await peer.close();
    server.close();
  }
}

async function textOf(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks).toString();
}

async function errorOf(socket: Socket): Promise<string> {
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
  return error.code ?? error.message;
}
