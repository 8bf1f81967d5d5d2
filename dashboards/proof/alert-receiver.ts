import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

import { z } from 'zod';

/** Somebody whom Alertmanager tells: a webhook on this machine. */
export interface AlertReceiver {
  readonly url: string;
  /** Names of the alerts that it was told to be firing. */
  readonly delivered: ReadonlySet<string>;
  close(): Promise<void>;
}

/** Version 4 of what Alertmanager posts (its documentation, "webhook_config"). */
const notificationSchema = z.object({
  version: z.literal('4'),
  alerts: z.array(z.object({ status: z.enum(['firing', 'resolved']), labels: z.object({ alertname: z.string() }) })),
});

export async function startAlertReceiver(): Promise<AlertReceiver> {
  const delivered = new Set<string>();
  const server = createServer((request, response) => {
    void text(request)
      .then((body) => notificationSchema.parse(JSON.parse(body)))
      .then(
        ({ alerts }) => {
          for (const { status, labels } of alerts) if (status === 'firing') delivered.add(labels.alertname);
          response.writeHead(200).end();
        },
        // What it can't read was not delivered, and Alertmanager logs the refusal.
        () => response.writeHead(400).end(),
      );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error(`no TCP address: ${String(address)}`);
  return {
    url: `http://127.0.0.1:${address.port}/alerts`,
    delivered,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
