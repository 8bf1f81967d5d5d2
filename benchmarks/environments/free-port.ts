import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

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
const returnTimeoutMs = 5_000;

const isTaken = (error: unknown): boolean =>
  error instanceof Error && /address (?:is )?already in use/i.test(error.message);

/**
 * Starts a server that can't choose its port itself: with another port when the one it was given had been taken
 * in the meantime. `start` rejects with the server's own words.
 */
export async function onFreePort<Server>(start: (port: number) => Promise<Server>): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (!isTaken(error) || attempt === attempts) throw error;
    }
  }
}

/**
 * Starts a server again where it was before: while it is away a connection of somebody else may have got its port as
 * its own, so `start` is tried again for 5 s. It rejects with the server's own words.
 */
export async function onSamePort<Server>(start: () => Promise<Server>): Promise<Server> {
  const deadline = performance.now() + returnTimeoutMs;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (!isTaken(error) || performance.now() > deadline) throw error;
    }
    await sleep(100);
  }
}
