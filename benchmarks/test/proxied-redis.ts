import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type RedisServer, startRedisServer } from '../environments/redis-server.ts';
import { startTcpProxy, type TcpProxy } from '../faults/tcp-proxy.ts';

/** A Redis server, empty, with a proxy of its own for each test of a file; what a test opens is closed with it. */
export interface ProxiedRedis {
  readonly proxy: TcpProxy;
  /** Past the proxy. */
  readonly direct: Redis;
  /** Through the proxy, connected; it neither connects nor sends again by itself. */
  connectClient(): Promise<Redis>;
  /** To any port; whoever wants its errors listens for them. */
  openSocket(port: number): Socket;
}

export function useProxiedRedis(): ProxiedRedis {
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

  return {
    get proxy() {
      return proxy;
    },
    get direct() {
      return direct;
    },
    async connectClient() {
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
    },
    openSocket(port) {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('error', () => undefined);
      sockets.push(socket);
      return socket;
    },
  };
}

/** A proxy to a server of the test's own; `accepted` is the first connection that arrives there. */
export async function withPeer(work: (peer: TcpProxy, accepted: Promise<Socket>) => Promise<void>): Promise<void> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
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

/** The code of the error with which it ends. */
export async function errorOf(socket: Socket): Promise<string> {
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
  return error.code ?? error.message;
}
