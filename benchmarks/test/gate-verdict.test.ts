import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { assert, constantFrom, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';

import { main } from '../cli.ts';
import { compareCounters } from '../gate/compare-counters.ts';
import { type Counters, gateLoads, type LoadCounters } from '../gate/counters.ts';
import { gateMarkdown, gateTerminalLines } from '../gate/gate-report.ts';
import { type GateRecord, gateRecordSchema } from '../gate/gate-record.ts';
import { flaggedLoads, gateExitStatus, judgeGate } from '../gate/judge-gate.ts';
import { counters, gateRecord, gateSlots } from './synthetic-gate.ts';

const withReads = (change: Partial<LoadCounters>): Counters => ({
  ...counters,
  reads: { ...counters.reads, ...change },
});
const aboveOf = (observed: Counters): string[] =>
  compareCounters(counters, observed).above.map(({ load, counter, name }) => `${load} ${counter} ${name}`);

describe('exact counters', () => {
  test('that are as expected differ in nothing', () => {
    expect(compareCounters(counters, counters)).toEqual({ above: [], below: [], rewritten: [] });
  });

  test.each([
    [
      'a statement more',
      { statements: { ...counters.reads.statements, 'find-performance': 47 } },
      'reads statements find-performance',
    ],
    [
      'a statement that was not there',
      { statements: { ...counters.reads.statements, ping: 1 } },
      'reads statements ping',
    ],
    ['a command more', { cacheCommands: { mget: 431, evalsha: 222 } }, 'reads commands of the cache mget'],
    ['a byte more', { responses: { 'list, hit': { count: 40, bodyBytes: 261_301 } } }, 'reads body bytes list, hit'],
    [
      'a key that lives for ever',
      { cacheKeysWithoutTtl: { 'detail:#': 1 } },
      'reads keys without TTL in the cache detail:#',
    ],
    [
      'a buffer more',
      {
        databaseStatements: {
          ...counters.reads.databaseStatements,
          'select "id" …': { calls: 46, sharedBuffers: 1353 },
        },
      },
      'reads shared buffers select "id" …',
    ],
    [
      'an execution that the service does not count',
      { databaseStatements: { ...counters.reads.databaseStatements, 'select 1': { calls: 1, sharedBuffers: 0 } } },
      'reads executions, by the database select 1',
    ],
  ])('name %s, and nothing else', (_, change, named) => {
    expect(aboveOf(withReads(change))).toEqual([named]);
  });

  test('let a statement be written in other words as long as there are not more of them', () => {
    const { 'select "id" …': old, ...others } = counters.reads.databaseStatements;
    const rewritten = withReads({
      databaseStatements: { ...others, 'select "title" …': old ?? { calls: 0, sharedBuffers: 0 } },
    });
    expect(compareCounters(counters, rewritten)).toMatchObject({ above: [], rewritten: ['select "title" …'] });
  });

  test('never let anything rise, wherever it is and by however little', () => {
    const anywhere = constantFrom(
      ...gateLoads.flatMap((load) => Object.keys(counters[load].statements).map((name) => ({ load, name }))),
    );
    assert(
      property(anywhere, integer({ min: 1, max: 1e6 }), ({ load, name }, more) => {
        const own = counters[load];
        const risen = { ...own, statements: { ...own.statements, [name]: (own.statements[name] ?? 0) + more } };
        expect(aboveOf({ ...counters, [load]: risen })).toEqual([`${load} statements ${name}`]);
        expect(compareCounters({ ...counters, [load]: risen }, counters)).toMatchObject({
          above: [],
          below: [{ name }],
        });
      }),
    );
  });
});

const nPlusOne = withReads({ statements: { ...counters.reads.statements, 'find-performance': 1411 } });
const confirmation = (head: number, second = 1) =>
  gateSlots({ load: 'reads', blocks: 12, control: true, head, second, seed: 3 });
const lossy = (over: Partial<GateRecord> = {}): GateRecord =>
  gateRecord({
    screen: [
      ...gateSlots({ load: 'reads', blocks: 6, control: false, head: 1.2 }),
      ...gateSlots({ load: 'seat-creation', blocks: 6, control: false, seed: 2 }),
    ],
    ...over,
  });

describe('the verdict of a gate', () => {
  test('is PASS when neither counters nor the screen object', () => {
    expect(judgeGate(gateRecord())).toMatchObject({ verdict: 'PASS' });
    expect(flaggedLoads(gateRecord().screen)).toEqual([]);
  });

  test('is FAIL at once for a counter above its expectation, with the name of the statement', () => {
    const record = gateRecord({ counters: { expected: counters, head: nPlusOne, base: counters }, screen: [] });
    const { verdict, reasons } = judgeGate(record);
    expect([verdict, ...reasons]).toEqual(['FAIL', 'reads: statements find-performance: 1,411, 46 expected']);
  });

  test('is INVALID, and no FAIL, when the base exceeds the expectations by as much', () => {
    const record = gateRecord({ counters: { expected: counters, head: nPlusOne, base: nPlusOne }, screen: [] });
    const { verdict, reasons } = judgeGate(record);
    expect(verdict).toBe('INVALID');
    expect(reasons[0]).toMatch(/make gate-expect/);
  });

  test('is FAIL for a loss that fresh blocks confirm beside a clean control', () => {
    expect(flaggedLoads(lossy().screen)).toEqual(['reads']);
    expect(judgeGate(lossy({ confirmation: confirmation(1.2) })).verdict).toBe('FAIL');
  });

  test.each([
    ['PASS', 'fresh blocks do not find the loss again', confirmation(1)],
    ['INCONCLUSIVE', 'what they find is below 5 %', confirmation(1.04)],
    ['INCONCLUSIVE', 'the second instance of the base differs as well', confirmation(1.2, 1.15)],
    ['INVALID', 'a block is missing', confirmation(1.2).slice(5)],
    ['INVALID', 'there are none', []],
  ] as const)('is %s when %s', (verdict, _, slots) => {
    expect(judgeGate(lossy({ confirmation: [...slots] })).verdict).toBe(verdict);
  });

  test('is no FAIL for a gain, however large', () => {
    const faster = gateSlots({ load: 'reads', blocks: 6, control: false, head: 0.5 });
    const record = gateRecord({ screen: [...faster, ...gateRecord().screen.filter(({ load }) => load !== 'reads')] });
    expect(judgeGate(record).verdict).toBe('PASS');
  });

  test('is INVALID when a guard did not hold in any slot, and says which', () => {
    const outcome = { guard: 'foreign-cpu', held: false, observed: '30 %', limit: 'at most 5 %' };
    const [first, ...others] = gateRecord().screen;
    if (first === undefined) throw new Error('the record has no slot');
    const { verdict, reasons } = judgeGate(gateRecord({ screen: [{ ...first, broken: [outcome] }, ...others] }));
    expect(verdict).toBe('INVALID');
    expect(reasons[0]).toMatch(/^reads: foreign-cpu in block 1, .*30 %/);
  });

  test('is INVALID for a gate that broke or did not count', () => {
    expect(judgeGate(gateRecord({ brokenBy: 'k6 ended' }))).toMatchObject({
      verdict: 'INVALID',
      reasons: ['k6 ended'],
    });
    const { counters: _, ...uncounted } = gateRecord();
    expect(judgeGate(uncounted).verdict).toBe('INVALID');
  });

  test('that does not pass never has the exit status of one that does', () => {
    expect(gateExitStatus).toEqual({ PASS: 0, FAIL: 1, INCONCLUSIVE: 2, INVALID: 3 });
  });
});

describe('the report of a gate', () => {
  const failed = lossy({ confirmation: confirmation(1.2) });

  test('is the same after its record was written and read again', () => {
    const again = gateRecordSchema.parse(JSON.parse(JSON.stringify(failed)));
    expect(gateMarkdown(again, judgeGate(again))).toBe(gateMarkdown(failed, judgeGate(failed)));
  });

  test('has the verdict, a row a metric, the control and the smallest detectable effect, in a comment’s length', () => {
    const text = gateMarkdown(failed, judgeGate(failed));
    expect(text).toMatch(/^### ❌ Gate: FAIL\n/);
    expect(text).toMatch(/HEAD \(b{12}\) against main \(a{12}\), 7\.5 minutes/);
    expect(text.match(/^\| (reads|seat-creation): /gm)).toHaveLength(8);
    const [judged] = /^\| reads: CPU .*$/m.exec(text) ?? [];
    expect(judged).toMatch(
      /12 blocks of the confirmation\) \| (?:1|1\.\d+|99\d m) ?s \| 1\.[12]\d* s \| \+(19|20|21)\.?\d* % \[.*\] \| 0\.00\d+ \| 5 % \| .*%/,
    );
    expect(text.length).toBeLessThan(4_000);
  });

  test('names the statement in the terminal, too, and at most a dozen of them', () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`statement-${index}`, 1]));
    const record = gateRecord({
      counters: { expected: counters, head: withReads({ statements: many }), base: counters },
    });
    const lines = gateTerminalLines(record, judgeGate(record));
    expect(lines.filter((line) => line.includes('statements statement-'))).toHaveLength(12);
    expect(lines.join('\n')).toMatch(/and 18 more/);
  });

  test('says what could be written down as a gain', () => {
    const head = withReads({ statements: { 'list-performances': 65 } });
    const record = gateRecord({ counters: { expected: counters, head, base: counters } });
    expect(gateMarkdown(record, judgeGate(record))).toMatch(
      /1 counters below .*find-performance: 0, 46 expected.*\n`make gate-expect`/s,
    );
  });
});

describe('the front door', () => {
  const call = async (...argv: string[]): Promise<{ status: number; printed: string }> => {
    let printed = '';
    const output = { write: (text: string) => (printed += text) !== '' };
    const status = await main(argv, { stdout: output, stderr: output, signal: new AbortController().signal });
    return { status, printed };
  };

  test.each([
    [0, gateRecord()],
    [1, lossy({ confirmation: confirmation(1.2) })],
    [2, lossy({ confirmation: confirmation(1.04) })],
    [3, lossy()],
  ])('judges a gate again from its evidence, with exit status %i', async (expected, record) => {
    const folder = await mkdtemp(join(tmpdir(), 'gate-report-'));
    try {
      await writeFile(join(folder, 'gate.json'), JSON.stringify(record));
      const { status, printed } = await call('gate-report', folder);
      expect(status).toBe(expected);
      expect(printed).toMatch(new RegExp(`^${judgeGate(record).verdict}: HEAD`, 'm'));
      expect(await readFile(join(folder, 'report.md'), 'utf8')).toBe(gateMarkdown(record, judgeGate(record)));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('does not guess what to compare with', async () => {
    const { status, printed } = await call('gate');
    expect(status).toBe(64);
    expect(printed).toMatch(/--base <ref>/);
  });

  test('names the cases when none is meant', async () => {
    const { status, printed } = await call('selftest', '--only', 'no such case');
    expect(status).toBe(4);
    expect(printed).toMatch(/an N\+1.*one Redis command more/);
  });
});
