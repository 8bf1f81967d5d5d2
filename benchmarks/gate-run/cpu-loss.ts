import { subscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import process from 'node:process';

/**
 * Planted into a service with `--import`: every request costs so much CPU more. A control of the gate, which must see
 * it. Says in CPU_LOSS_FILE, read once at the start, how many microseconds by method: `{"GET":50,"POST":400}`.
 */
const file = process.env['CPU_LOSS_FILE'] ?? '';
const microseconds: Readonly<Record<string, number>> = JSON.parse(readFileSync(file, 'utf8'));

/** By the thread's own clock: waiting for a CPU is no loss of CPU. */
function burn(loss: number): void {
  const used = (): number => {
    const { user, system } = process.threadCpuUsage();
    return user + system;
  };
  const end = used() + loss;
  while (used() < end);
}

// Documented by Node: published when a request has been received, before its listener is called.
subscribe('http.server.request.start', (message) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the channel's documented message
  const { request } = message as { request: { method: string } };
  const loss = microseconds[request.method];
  if (loss !== undefined) burn(loss);
});
