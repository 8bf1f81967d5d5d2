import { createServer } from 'node:http';

import { Redis } from 'ioredis';

/** The floor: node:http, one GET of `BARE_KEY` at `REDIS_CACHE_URL`, and the bytes with the headers that they need. */
const { REDIS_CACHE_URL = '', BARE_KEY = '' } = process.env;
const client = new Redis(REDIS_CACHE_URL);

const server = createServer((_request, response) => {
  client.getBuffer(BARE_KEY).then(
    (body) =>
      response
        .writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': body?.length ?? 0 })
        .end(body),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error(`no TCP address: ${String(address)}`);
  console.log(JSON.stringify({ event: 'listening', apiPort: address.port }));
});
