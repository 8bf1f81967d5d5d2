import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy in front of PostgreSQL, at which a test may freeze or cut its connections. */
export interface PostgresProxy {
  readonly connectionString: string;
  /** From now on the connections that are open carry nothing, and new ones work. */
  freeze(): void;
  /** The next message to the server that contains `text` arrives, and its answer does not: the connection is cut. */
  cutAfter(text: string): void;
  close(): Promise<void>;
}

export async function startPostgresProxy(connectionString: string): Promise<PostgresProxy> {
  const url = new URL(connectionString);
  const { hostname, port } = url;
  const sockets = new Set<Socket>();
  const frozen = new Set<Socket>();
  let textToCutAfter: string | undefined;

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let cutting = false;
    for (const [socket, peer] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => peer.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        peer.destroy();
      });
    }
    client.on('data', (bytes) => {
      if (frozen.has(client)) return;
      if (textToCutAfter !== undefined && bytes.includes(textToCutAfter)) {
        textToCutAfter = undefined;
        cutting = true;
      }
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (cutting) client.destroy();
      else if (!frozen.has(client)) client.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url.host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;

  return {
    connectionString: url.href,
    freeze() {
      for (const socket of sockets) frozen.add(socket);
    },
    cutAfter(text) {
      textToCutAfter = text;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
