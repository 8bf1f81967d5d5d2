import { CompiledQuery } from 'kysely';
import { expect, it } from 'vitest';

import { createLoadLimit } from '../../src/performance-cache/load-limit.ts';
import { openDatabase } from '../database/database-under-test.ts';

const acquireTimeoutMs = 300;
const queueTimeoutMs = 400;

/** While the only connection is busy for a second: how long the loads that are turned away waited for it. */
async function refusedAfterMs(maxLoadsInFlight: number): Promise<readonly number[]> {
  const under = await openDatabase('postgres', { connections: 1, acquireTimeoutMs });
  const limit = createLoadLimit({ maxLoadsInFlight, queueTimeoutMs, onInFlight() {}, onOverload() {} });
  await under.database.ping();
  const startedAt = performance.now();
  const load = () => limit.run(() => under.database.execute('ping', CompiledQuery.raw('select pg_sleep(1)')));
  const served = load();
  const refused = [load(), load()].map((loading) =>
    loading.then(
      () => Number.NaN,
      () => performance.now() - startedAt,
    ),
  );
  const waited = await Promise.all(refused);
  await served;
  await under.remove();
  return waited;
}

it('a reader waits for its turn and then no longer, where each load in flight has a connection', async () => {
  expect(Math.max(...(await refusedAfterMs(1)))).toBeLessThan(queueTimeoutMs + 150);
});

it('control: with more loads in flight than connections, one waits for its turn and then for a connection', async () => {
  expect(Math.max(...(await refusedAfterMs(2)))).toBeGreaterThan(2 * acquireTimeoutMs - 50);
});
