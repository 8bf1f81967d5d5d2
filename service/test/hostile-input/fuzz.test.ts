import { describe, expect, it, onTestFinished } from 'vitest';

import { createPostgresDatabase } from '../http/service-under-test.ts';
import { operationsOf } from './documented-api.ts';
import { fuzz, prepare, readDocument } from './fuzz.ts';
import { startFuzzedService, token } from './fuzzed-service.ts';

/** FUZZ_SEED and FUZZ_PATH: as a failure has printed them. FUZZ_CASES: for as long as you like. */
const { FUZZ_SEED, FUZZ_PATH, FUZZ_CASES } = process.env;
const seed = FUZZ_SEED ? Number(FUZZ_SEED) : Math.floor(Math.random() * 2 ** 31);

const usualCases = { sqlite: 6_000, postgres: 1_500 };
const longestLivezMs = 4_000;
/** What the first requests have made is still being replaced by the code that is fast. */
const mostGrowthBytes = 12 * 1024 * 1024;
const refusals = ['401', '404', '405', '406', '409', '413', '414', '415', '417', '422', '431'];

describe.each(['sqlite', 'postgres'] as const)('hostile requests, on %s', (engine) => {
  it('get the answers that the OpenAPI document says, and leave the service as it was', async () => {
    const environment = engine === 'postgres' ? { DATABASE_URL: await createPostgresDatabase() } : {};
    const service = await startFuzzedService({ environment });
    onTestFinished(() => service.stop());
    await prepare(service);
    const document = await readDocument(service.apiPort);
    const cases = Number(FUZZ_CASES ?? usualCases[engine]);
    console.log(`${cases} hostile requests on ${engine}: to repeat them, FUZZ_SEED=${seed} FUZZ_CASES=${cases}`);

    const { reached, slowestLivezMs, growthBytes, ...result } = await fuzz(service, document, {
      cases,
      seed,
      path: FUZZ_PATH,
    });

    console.log(JSON.stringify({ engine, ...result, slowestLivezMs, growthBytes }));
    expect(service.process.exitCode).toBeNull();
    expect(service.output()).not.toContain(token);
    expect(service.output().match(/^.*"request-failed".*$/gm)).toBeNull();
    expect(slowestLivezMs).toBeLessThan(longestLivezMs);
    expect(growthBytes).toBeLessThan(mostGrowthBytes);
    // One after the other and with all servers up, nothing is too much.
    expect(result.byStatus).not.toHaveProperty('503');
    // Else the cases were too few, or too tame, for the above to mean anything.
    if (cases < usualCases.sqlite || FUZZ_PATH !== undefined) return;
    expect(Object.keys(result.byStatus)).toEqual(expect.arrayContaining(refusals));
    const successes = operationsOf(document).map(
      ({ documented }) => `${documented.operationId} ${Object.keys(documented.responses)[0]}`,
    );
    expect([...reached]).toEqual(expect.arrayContaining(successes));
  }, 300_000);
});
