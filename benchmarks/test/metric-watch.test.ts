import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { type MetricWatch, watchMetrics } from '../faults/cache-rows/metric-watch.ts';
import type { ServiceNode } from '../faults/stage.ts';

const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(
    servers.splice(0).map(async (server) => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }),
  );
});

/** Processes whose pages of metrics are what `pages` returns. */
async function processesWith(pages: readonly (() => string)[]): Promise<ServiceNode[]> {
  const addresses = pages.map(async (page) => {
    const server = createServer((_request, response) => response.end(page())).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error(`no TCP address: ${String(address)}`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a process only its address is asked for
    return { adminUrl: `http://127.0.0.1:${address.port}` } as ServiceNode;
  });
  return Promise.all(addresses);
}

const never = new AbortController().signal;
const loads = { name: 'performance_cache_loads_in_flight' };
const open = { name: 'performance_cache_breaker_state', labels: { state: 'open' } };

const pageOf = (inFlight: number, isOpen: boolean): string =>
  [
    `performance_cache_loads_in_flight ${inFlight}`,
    `performance_cache_breaker_state{state="closed"} ${isOpen ? 0 : 1}`,
    `performance_cache_breaker_state{state="open"} ${isOpen ? 1 : 0}`,
    'process_resident_memory_bytes 7',
  ].join('\n');

async function untilLooked(watch: MetricWatch, most: number): Promise<void> {
  await vi.waitFor(() => expect(watch.most(loads)).toBe(most), { timeout: 5_000 });
}

describe('a watch of metrics', () => {
  it('tells what never rose above its first value, and forgets nothing that did for a moment', async () => {
    let page = pageOf(0, false);
    const watch = await watchMetrics(await processesWith([() => page]), never);
    expect(watch.unmoved([loads, open])).toEqual([
      'performance_cache_loads_in_flight did not move',
      'performance_cache_breaker_state{state="open"} did not move',
    ]);
    page = pageOf(3, false);
    await untilLooked(watch, 3);
    page = pageOf(0, false);
    await watch.stop();
    expect(watch.unmoved([loads, open])).toEqual(['performance_cache_breaker_state{state="open"} did not move']);
    expect(watch.most(loads)).toBe(3);
  });

  it('sums over processes, at one and the same look', async () => {
    let first = pageOf(4, false);
    const watch = await watchMetrics(await processesWith([() => first, () => pageOf(2, true)]), never);
    expect([watch.most(loads), watch.most(open)]).toEqual([6, 1]);
    first = pageOf(1, true);
    await watch.stop();
    expect([watch.most(loads), watch.most(open)]).toEqual([6, 2]);
  });

  it('looks once more when it is stopped', async () => {
    let page = pageOf(0, false);
    const watch = await watchMetrics(await processesWith([() => page]), never);
    page = pageOf(9, false);
    await watch.stop();
    expect(watch.most(loads)).toBe(9);
  });

  it('rejects when a page can no longer be read', async () => {
    const watch = await watchMetrics(await processesWith([() => pageOf(0, false)]), never);
    const [server] = servers;
    server?.closeAllConnections();
    server?.close();
    await expect(watch.stop()).rejects.toThrow('fetch failed');
    servers.length = 0;
  });
});
