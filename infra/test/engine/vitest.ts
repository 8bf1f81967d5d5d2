import { defineConfig } from 'vitest/config';

/** The suites that need a Docker engine: `make test-infra`. One after the other, they share it. */
export default defineConfig({
  test: {
    root: new URL('../../..', import.meta.url).pathname,
    include: ['{infra,benchmarks}/test/engine/*.engine.ts'],
    globalSetup: ['infra/test/engine/engine-setup.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
