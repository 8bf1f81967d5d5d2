import { randomInt } from 'node:crypto';
import process from 'node:process';

import { describe, it } from 'vitest';

import { analyzeTrials } from '../analysis/analyze-trials.ts';
import { faultSuite } from '../faults/fault-suite.ts';
import { createProgress } from '../protocol/progress.ts';
import { runTrials } from '../protocol/run-trials.ts';
import { faultLines } from '../report/fault-table.ts';

/**
 * As `make faults` does, but that nothing is left in reports/ or .data/. PostgreSQL, and the short counts. As many at a
 * time as the suite says: `maxConcurrency` in .config/vitest.ts.
 */
describe.concurrent('the fault suite with its short counts', { timeout: 180_000 }, () => {
  it.for(faultSuite.series)('$label', async (series, { signal, skip, expect, onTestFinished }) => {
    const requireAll = process.env['REQUIRE_ALL'] === '1';
    const reason = await series.unavailable?.({ database: 'postgres' });
    if (reason !== undefined && !requireAll) skip(reason);

    const seed = randomInt(2 ** 31);
    const steps: string[] = [];
    const startedAt = new Date().toISOString();
    const running = runTrials({
      id: 'fault-suite-test',
      command: `make faults ROWS=${series.id} SEED=${seed}`,
      experiment: { ...faultSuite, series: [series], comparisons: [] },
      profile: 'quick',
      database: 'postgres',
      binaries: [],
      journal: {
        seed,
        startedAt,
        resumedAt: [],
        entries: [],
        broken: [],
        settings: [],
        append: () => undefined,
        appendBroken: () => undefined,
        appendSettings: () => undefined,
      },
      requireAll,
      progress: createProgress({ write: (text) => steps.push(text) }),
      signal,
    });
    // A test that took too long is still taking its stage down.
    onTestFinished(async () => {
      await running.catch(() => undefined);
    }, 60_000);
    const evidence = await running;
    const analysis = analyzeTrials(evidence);
    const { broken, provenance } = evidence.run;
    const reasons = analysis.series.flatMap((own) => own.reasons).join('; ');
    const told = [reasons, provenance.command, ...steps, ...faultLines(analysis)].join('\n');
    expect({ broken, verdict: analysis.series[0]?.verdict }, `${told}\n`).toEqual({
      broken: undefined,
      verdict: series.role === 'control' ? 'CAUGHT' : 'HOLDS',
    });
  });
});
