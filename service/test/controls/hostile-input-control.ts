import { DomainError } from '../../src/domain-error.ts';
import type { PerformanceCache } from '../../src/performance-cache/performance-cache.ts';
import { runControlledService } from './run-controlled-service.ts';

/**
 * The service with reads of performances that go wrong: what the checks of hostile input must see. `fail`: as a
 * mistake in the code does. `crash`: behind the request's back. `block`: once, the event loop. `leak`: 2 MiB a read.
 * `tell`: the cache's URL, to the client and on stderr.
 */
const leaked: Uint8Array[] = [];
let blocked = false;

const faults: Readonly<Record<string, () => void>> = {
  fail() {
    throw new TypeError('x is not a function');
  },
  tell() {
    const message = `connect ${process.env['REDIS_CACHE_URL']}`;
    process.stderr.write(message);
    throw new DomainError('invalid-request', message);
  },
  crash() {
    setImmediate(() => {
      throw new Error('nobody catches this');
    });
  },
  block() {
    if (blocked) return;
    blocked = true;
    const endMs = performance.now() + 5_000;
    while (performance.now() < endMs);
  },
  leak() {
    leaked.push(new Uint8Array(2 * 1024 * 1024));
  },
};

const [, , name = ''] = process.argv;
const fault = faults[name];
if (fault === undefined) throw new Error(`the fault must be one of ${Object.keys(faults).join(', ')}, got "${name}"`);

const performanceCache: PerformanceCache = {
  async read(_key, load) {
    fault();
    return { representation: await load(), result: 'bypass', ageSeconds: 0 };
  },
  invalidate: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
await runControlledService(`hostile-input-${name}`, () => ({ overrides: { performanceCache } }));
