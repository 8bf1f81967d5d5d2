import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['{service,benchmarks,infra,dashboards}/**/test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    globalSetup: ['.config/vitest-global-setup.ts'],
    // Two cores, and most tests start servers of their own.
    maxWorkers: 2,
  },
});
