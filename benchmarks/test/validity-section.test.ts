import { parseHTML } from 'linkedom';
import { describe, expect, it, test } from 'vitest';

import { discardedId } from '../evidence/discarded-attempts.ts';
import type { Evidence, RunRecord } from '../evidence/schema.ts';
import { guardKind } from '../report/guard-kinds.ts';
import { renderReport } from '../report/render-report.ts';
import { syntheticEvidence } from './synthetic-evidence.ts';

const evidence = syntheticEvidence();

/** Cells of a section's table with these words in its caption, row by row. */
function rowsOf(of: Evidence, section: string, caption: string): string[][] {
  const { document } = parseHTML(renderReport(of)['index.html'] ?? '');
  const tables = [...document.querySelectorAll(`#${section} table`)];
  const table = tables.find((own) => own.querySelector('caption')?.textContent.includes(caption));
  return [...(table?.querySelectorAll('tbody tr') ?? [])].map((row) =>
    [...row.querySelectorAll('th, td')].map(({ textContent }) => textContent.replaceAll('\u{a0}', ' ')),
  );
}

const withRun = (change: Partial<RunRecord>): Evidence => ({ ...evidence, run: { ...evidence.run, ...change } });

test.each([
  ['equal-answers-3', 'equal-answers'],
  ['commit-of-after-block-10', 'commit-of-after'],
  ['hit-ratio-of-run', 'hit-ratio-of-run'],
  ['achieved-rate', 'achieved-rate'],
])('the guard %s is of the kind %s', (guard, kind) => {
  expect(guardKind(guard)).toBe(kind);
});

describe('guards that are asked after each block', () => {
  const answers = (heldInSecond: boolean) =>
    withRun({
      guards: [1, 2, 3].map((block) => ({
        guard: `equal-answers-${block}`,
        held: block !== 2 || heldInSecond,
        observed: block === 2 && !heldInSecond ? '/performances differs' : '60 answers compared, all the same',
        limit: 'the same bytes',
      })),
    });

  it('are one line, and one guard in the count', () => {
    const rows = rowsOf(answers(true), 'validity', 'Guards');
    expect(rows.filter(([guard]) => guard?.startsWith('equal-answers'))).toEqual([
      ['equal-answers', '✓ yes (3 of 3)', '60 answers compared, all the same', 'the same bytes'],
    ]);
    expect(renderReport(answers(true))['report.md']).toContain('All 7 guards held');
  });

  it('say which of them did not hold, above all others', () => {
    expect(rowsOf(answers(false), 'validity', 'Guards')[0]).toEqual([
      'equal-answers',
      '✗ NO (2 of 3)',
      'run: /performances differs',
      'the same bytes',
    ]);
    expect(renderReport(answers(false))['report.md']).toContain('guard equal-answers-2 did not hold');
  });
});

describe('what was left out', () => {
  const stands = evidence.run.slots.find(({ attempt }) => attempt > 1);
  const id = discardedId(stands?.id ?? '', 1);
  const again = stands && {
    ...stands,
    id,
    attempt: 1,
    guards: [{ guard: 'foreign-cpu', held: false, observed: '31 % of the machine', limit: 'at most 10 %' }],
  };
  /** Its database took twice the CPU of the attempt that stands. */
  const samples = evidence.samples
    .filter(({ slot }) => slot === stands?.id)
    .map((sample) => ({
      ...sample,
      slot: id,
      value: sample.value * (sample.metric === 'database_cpu_seconds' ? 2 : 1),
    }));
  const kept: Evidence = {
    ...withRun({ discarded: again ? [again] : [] }),
    samples: [...evidence.samples, ...samples],
  };

  it('stands above what was kept, with the same figures and the guard that made it go', () => {
    const rows = rowsOf(kept, 'validity', 'What was left out: 1 attempt');
    expect(rows.map(([slot]) => slot)).toEqual([id, stands?.id]);
    const [left = [], right = []] = rows;
    const percent = (cells: readonly string[]) =>
      Number(/^([\d.]+) %$/.exec(cells.find((cell) => cell.endsWith(' %')) ?? '')?.[1]);
    expect(percent(left) / percent(right)).toBeCloseTo(2, 1);
    expect(left.at(-1)).toContain('foreign-cpu (31 % of the machine)');
  });

  it('changes nothing else in the report', () => {
    const [before, after] = [evidence, kept].map((of) => renderReport(of)['report.md'] ?? '');
    const withoutTable = after?.replace(/<details>\n<summary>Table: What was left out.*?<\/details>\n\n/s, '');
    expect(after).not.toBe(before);
    expect(withoutTable).toBe(before);
  });

  it('is not claimed to be known of evidence that did not keep it', () => {
    expect(renderReport(evidence)['report.md']).not.toContain('What was left out');
    expect(renderReport(evidence)['report.md']).toContain('Repeated because of foreign load');
  });
});

describe('what every part ran with', () => {
  const partSettings = [
    { part: 'PostgreSQL', source: 'pg_settings', values: { fsync: 'on', work_mem: '4MB' }, of: ['before', 'after'] },
    { part: 'service', source: 'its variables', values: { PERFORMANCE_CACHE: 'off' }, of: ['before'] },
  ];

  it('is a table of the report, with who said so', () => {
    expect(rowsOf(withRun({ partSettings }), 'workload', 'What every part ran with (3 settings)')).toEqual([
      ['PostgreSQL', 'fsync', 'on', 'all'],
      ['PostgreSQL', 'work_mem', '4MB', 'all'],
      ['service', 'PERFORMANCE_CACHE', 'off', 'before'],
    ]);
    expect(renderReport(withRun({ partSettings }))['report.md']).toContain(
      'PostgreSQL: pg\\_settings; service: its variables',
    );
  });

  it('is left out of reports whose evidence is older', () => {
    expect(renderReport(evidence)['report.md']).not.toContain('What every part ran with');
  });
});
