import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startTcpProxy } from '../faults/tcp-proxy.ts';
import { errorOf, useProxiedRedis, withPeer } from './proxied-redis.ts';

const redis = useProxiedRedis();

const silence = (promise: Promise<unknown>): Promise<unknown> => Promise.race([promise, sleep(200, 'nothing')]);

describe('a half-open connection', () => {
  it('carries nothing and stays open, while new ones work; heal does not revive it', async () => {
    const client = await redis.connectClient();
    redis.proxy.halfOpen();
    const answer = client.incr('counter');
    answer.catch(() => undefined);
    expect(await silence(answer)).toBe('nothing');
    expect(await redis.direct.get('counter')).toBeNull();
    expect(await (await redis.connectClient()).ping()).toBe('PONG');
    await redis.proxy.heal();
    expect(await silence(answer)).toBe('nothing');
    expect(client.status).toBe('ready');
  });

  it('hides from one end that the other has gone', async () => {
    await withPeer(async (peer, accepted) => {
      const client = redis.openSocket(peer.port);
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
    const client = await redis.connectClient();
    redis.proxy.freeze();
    const answer = client.incr('counter');
    const other = redis.openSocket(redis.proxy.port);
    other.write('INCR counter\r\n');
    const otherAnswer = once(other, 'data');
    expect(await silence(Promise.race([answer, otherAnswer]))).toBe('nothing');
    expect(await redis.direct.get('counter')).toBeNull();
    await redis.proxy.heal();
    expect(new Set([await answer, Number(String(await otherAnswer).slice(1))])).toStrictEqual(new Set([1, 2]));
  });

  it('tells a new client only when it is healed that nobody listens', async () => {
    const nowhere = await startTcpProxy({ targetPort: 1 });
    nowhere.freeze();
    const error = errorOf(redis.openSocket(nowhere.port));
    expect(await silence(error)).toBe('nothing');
    await nowhere.heal();
    expect(await error).toBe('ECONNRESET');
    await nowhere.close();
  });
});

describe('a reset', () => {
  it('reaches both ends as an RST, and new connections work', async () => {
    await withPeer(async (peer, accepted) => {
      const client = redis.openSocket(peer.port);
      client.write('hello');
      const server = await accepted;
      await once(server, 'data');
      peer.reset();
      expect(await Promise.all([errorOf(client), errorOf(server)])).toStrictEqual(['ECONNRESET', 'ECONNRESET']);
    });
    const client = await redis.connectClient();
    redis.proxy.reset();
    await expect(client.ping()).rejects.toThrow(/closed|ECONNRESET/);
    expect(await (await redis.connectClient()).ping()).toBe('PONG');
  });
});

describe('a refusing proxy', () => {
  it('is to its clients as if nobody listened, until it is healed at the same port', async () => {
    const client = await redis.connectClient();
    redis.proxy.refuse();
    expect(await errorOf(redis.openSocket(redis.proxy.port))).toBe('ECONNREFUSED');
    await expect(client.ping()).rejects.toThrow(/closed|ECONNRESET/);
    await Promise.all([redis.proxy.heal(), redis.proxy.heal()]);
    expect(await (await redis.connectClient()).ping()).toBe('PONG');
  });

  it('takes its port again as soon as somebody else has left it', async () => {
    redis.proxy.refuse();
    const intruder = createServer().listen(redis.proxy.port, '127.0.0.1');
    await once(intruder, 'listening');
    const healed = redis.proxy.heal();
    expect(await silence(healed)).toBe('nothing');
    intruder.close();
    await healed;
    expect(await (await redis.connectClient()).ping()).toBe('PONG');
  });
});

describe('a closed proxy', () => {
  it.each(['no fault', 'freeze', 'halfOpen', 'refuse'] as const)('has gone also after %s', async (fault) => {
    const client = await redis.connectClient();
    if (fault !== 'no fault') redis.proxy[fault]();
    await redis.proxy.close();
    await redis.proxy.close();
    await redis.proxy.heal();
    await expect(client.ping()).rejects.toThrow(/closed|ECONNRESET/);
    expect(await errorOf(redis.openSocket(redis.proxy.port))).toBe('ECONNREFUSED');
  });
});
