import { once } from 'node:events';
import { createServer } from 'node:net';

/** For what can't be asked which port it has taken. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error(`a port was asked for, got ${String(address)}`);
  return address.port;
}
