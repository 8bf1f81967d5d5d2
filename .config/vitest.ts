import { defineConfig } from 'vitest/config';

const faultSuite = 'benchmarks/test/fault-suite.test.ts';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['{service,benchmarks,infra,dashboards}/**/test/**/*.test.ts'],
          exclude: [faultSuite],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          globalSetup: ['.config/vitest-global-setup.ts'],
          // Two cores, and most tests start servers of their own.
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        // After the others: its rows have deadlines, and two at a time take the whole machine.
        test: {
          name: 'fault suite',
          include: [faultSuite],
          maxWorkers: 1,
          maxConcurrency: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
