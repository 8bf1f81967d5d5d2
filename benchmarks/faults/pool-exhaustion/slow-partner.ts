import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Somebody else's service, which takes its time: every request is answered 204 after the latency of that moment. */
export interface SlowPartner {
  readonly url: string;
  /** Of requests that come from now on. */
  setLatency(seconds: number): void;
  /** Requests that were answered. */
  answered(): number;
  close(): Promise<void>;
}

export async function startSlowPartner(latencySeconds: number): Promise<SlowPartner> {
  let latencyMs = 1_000 * latencySeconds;
  let answered = 0;
  const server = createServer((request, response) => {
    request.resume();
    void sleep(latencyMs).then(() => {
      answered += 1;
      response.writeHead(204).end();
    });
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address) resolve(address.port);
      else reject(new Error(`the partner has no TCP address: ${String(address)}`));
    });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    setLatency(seconds) {
      latencyMs = 1_000 * seconds;
    },
    answered: () => answered,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
