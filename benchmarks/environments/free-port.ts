import { once } from 'node:events';
import { createServer } from 'node:net';

/** A port of 127.0.0.1 that is free now; somebody else may still take it first. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error(`no TCP address: ${String(address)}`);
  return address.port;
}

const attempts = 5;

/**
 * Starts a server that can't choose its port itself: with another port when the one it was given had been taken
 * in the meantime. `start` rejects with the server's own words.
 */
export async function onFreePort<Server>(start: (port: number) => Promise<Server>): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      const taken = error instanceof Error && /address (?:is )?already in use/i.test(error.message);
      if (!taken || attempt === attempts) throw error;
    }
  }
}
