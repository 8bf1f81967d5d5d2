import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { startTcpProxy } from '../faults/tcp-proxy.ts';
import { errorOf, useProxiedRedis, withPeer } from './proxied-redis.ts';

const redis = useProxiedRedis();

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

async function textOf(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks).toString();
}

describe('a proxy without faults', () => {
  it('carries what is sent, in order and to the byte', async () => {
    const client = await redis.connectClient();
    const value = Buffer.alloc(3_000_000, 'seat');
    await client.set('large', value);
    expect(await client.getBuffer('large')).toStrictEqual(value);
    const numbers = await Promise.all(Array.from({ length: 1000 }, () => client.incr('counter')));
    expect(numbers).toStrictEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
  });

  it('passes the end of one side on and lets the other one finish', async () => {
    await withPeer(async (peer, accepted) => {
      const client = redis.openSocket(peer.port);
      client.end('question');
      const server = await accepted;
      expect(await textOf(server)).toBe('question');
      server.end('answer');
      expect(await textOf(client)).toBe('answer');
    });
  });

  it('resets its client where nobody listens', async () => {
    const nowhere = await startTcpProxy({ targetPort: 1 });
    const client = redis.openSocket(nowhere.port);
    expect(await errorOf(client)).toBe('ECONNRESET');
    await nowhere.close();
  });

  it('stops reading from a sender whose receiver does not read', async () => {
    await withPeer(async (peer, accepted) => {
      const client = redis.openSocket(peer.port);
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
    const client = await redis.connectClient();
    expect(await secondsOf(() => client.ping())).toBeLessThan(0.15);
    redis.proxy.setDelay(0.1);
    const delayed = await secondsOf(() => client.ping());
    expect(delayed).toBeGreaterThanOrEqual(0.2);
    expect(delayed).toBeLessThan(0.4);
    await redis.proxy.heal();
    expect(await secondsOf(() => client.ping())).toBeLessThan(0.15);
  });

  it('holds commands sent one after the other back for the same time, not for the sum', async () => {
    const client = await redis.connectClient();
    redis.proxy.setDelay(0.1);
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
    const client = await redis.connectClient();
    redis.proxy.setDelay(0.05);
    expect(await secondsOf(() => client.set('large', Buffer.alloc(20_000_000)))).toBeLessThan(1);
  });

  it('keeps the order when it becomes shorter', async () => {
    const client = await redis.connectClient();
    redis.proxy.setDelay(0.2);
    const first = client.append('text', 'first ');
    await sleep(10);
    redis.proxy.setDelay(0);
    await Promise.all([first, client.append('text', 'second')]);
    expect(await redis.direct.get('text')).toBe('first second');
  });

  it.each([-1, Number.NaN, Infinity])('is refused when it is %s', (seconds) => {
    expect(() => redis.proxy.setDelay(seconds)).toThrow(`a delay is 0 seconds or more, got ${seconds}`);
  });
});

describe('a dropped reply', () => {
  it('resets the connection after the command was done, and heal lets the next ones through', async () => {
    const client = await redis.connectClient();
    redis.proxy.dropReplies(1, Math.random);
    await expect(client.incr('counter')).rejects.toThrow(/closed|ECONNRESET/);
    expect(await redis.direct.get('counter')).toBe('1');
    expect(redis.proxy.droppedReplies).toBe(1);
    await redis.proxy.heal();
    expect(await (await redis.connectClient()).incr('counter')).toBe(2);
    expect(redis.proxy.droppedReplies).toBe(1);
  });

  it('comes as an RST', async () => {
    redis.proxy.dropReplies(1, Math.random);
    const client = redis.openSocket(redis.proxy.port);
    client.write('PING\r\n');
    expect(await errorOf(client)).toBe('ECONNRESET');
  });

  it('takes exactly the declared share of the replies, by the numbers it is given', async () => {
    const numbers = [0.05, 0.5, 0.1, 0.09, 0.9];
    redis.proxy.dropReplies(0.1, () => numbers.shift() ?? 1);
    const outcomes: string[] = [];
    for (let sent = 0; sent < 6; sent += 1) {
      const client = redis.openSocket(redis.proxy.port);
      client.write('INCR counter\r\n');
      outcomes.push(await Promise.race([errorOf(client), once(client, 'data').then(() => 'answer')]));
    }
    expect(outcomes).toStrictEqual(['ECONNRESET', 'answer', 'answer', 'ECONNRESET', 'answer', 'answer']);
    expect(await redis.direct.get('counter')).toBe('6');
    expect(redis.proxy.droppedReplies).toBe(2);
  });

  it('does not take an earlier reply with it that is still on its way', async () => {
    const client = redis.openSocket(redis.proxy.port);
    const numbers = [1, 0];
    redis.proxy.dropReplies(0.5, () => numbers.shift() ?? 1);
    redis.proxy.setDelay(0.1);
    let received = '';
    client.on('data', (chunk: Buffer) => (received += chunk.toString()));
    client.write('INCR first\r\n');
    await sleep(30);
    client.write('INCR second\r\n');
    expect(await errorOf(client)).toBe('ECONNRESET');
    expect(received).toBe(':1\r\n');
    expect(await redis.direct.get('second')).toBe('1');
  });

  it.each([-0.1, 1.1, Number.NaN])('is refused as a share of %s', (share) => {
    expect(() => redis.proxy.dropReplies(share, Math.random)).toThrow(
      `the share of dropped replies is from 0 to 1, got ${share}`,
    );
  });
});
