import { describe, expect, test } from 'vitest';

import { analyzeTrials } from '../analysis/analyze-trials.ts';
import type { Series, Trial, TrialsEvidence, TrialsRecord } from '../evidence/trials-schema.ts';
import { composeTrialsReport } from '../report/compose-trials-report.ts';
import { syntheticCrashes, syntheticFaultSuite, syntheticScale } from './synthetic-trials.ts';

interface Change {
  readonly run?: (run: TrialsRecord) => void;
  /** Of every trial of the series, or of one. */
  readonly trial?: { readonly series: string; readonly number?: number; readonly fields: Partial<Trial> };
  readonly drop?: (trial: Trial) => boolean;
}

function changed(evidence: TrialsEvidence, { run: changeRun, trial: changes, drop }: Change): TrialsEvidence {
  const run = structuredClone(evidence.run);
  changeRun?.(run);
  const trials = evidence.trials
    .filter((trial) => drop?.(trial) !== true)
    .map((trial) =>
      trial.series === changes?.series && trial.trial === (changes.number ?? trial.trial)
        ? { ...trial, ...changes.fields }
        : trial,
    );
  return { run, trials };
}

const sentenceOf = (evidence: TrialsEvidence) => composeTrialsReport(evidence).verdict.sentence;
const seriesOf = (evidence: TrialsEvidence, id: string) => {
  const found = analyzeTrials(evidence).series.find(({ series }) => series.id === id);
  if (found === undefined) throw new Error(`no series "${id}"`);
  return found;
};

const crashes = syntheticCrashes();
const suite = syntheticFaultSuite();
const scale = syntheticScale();

describe('healthy evidence', () => {
  test('is CONFIRMED, exit status 0, with promises that hold and controls that fail', () => {
    for (const evidence of [crashes, suite, scale]) {
      expect(analyzeTrials(evidence).verdict).toMatchObject({ name: 'CONFIRMED', exitStatus: 0 });
    }
    expect(analyzeTrials(crashes).series.map(({ verdict }) => verdict)).toEqual(['CAUGHT', 'HOLDS']);
  });

  test('says how many crashes lost nothing and what that bounds, and never that nothing is lost', () => {
    expect(sentenceOf(syntheticCrashes(100))).toMatch(
      /^CONFIRMED\. Redis Stream: 0 of 100 crashes, with 9,600 jobs in flight, lost anything \(at most 3 % at 95 %\); 0 of 40,000 accepted jobs lost/,
    );
    expect(sentenceOf(crashes)).toMatch(
      /Control, in the process: 4\d of 50 crashes, with [\d,]+ jobs in flight, lost [\d,]+ of 20,000 accepted jobs\./,
    );
    for (const evidence of [crashes, suite, scale])
      expect(sentenceOf(evidence)).not.toMatch(/\bno (loss|lost|jobs? lost)/i);
  });

  test('sums up a run of many series, without those whose fault deletes jobs', () => {
    expect(sentenceOf(suite)).toMatch(
      /10 of 10 promises held, 3 of 3 controls, wrong on purpose, were caught\. Of faults that delete no jobs themselves, 0 of 156 lost anything/,
    );
  });

  test('gives the ratio of measured series by round, with its bound', () => {
    expect(sentenceOf(scale)).toMatch(
      /Jobs per second, 2 workers over 1 worker: 1\.\d+ \[.*\] times, where at least 1\.50 was claimed\. Jobs per second, 4 workers over 1 worker: 3\.\d+ \[.*\] times\. \(/,
    );
  });
});

describe('REFUTED, exit status 1', () => {
  const stream = (fields: Partial<Trial>): Change => ({ trial: { series: 'stream', number: 7, fields } });

  test.each<[string, TrialsEvidence, RegExp]>([
    [
      'a lost job',
      changed(crashes, stream({ lost: 1, stored: 399 })),
      /Redis Stream: 1 of 20,000 accepted jobs lost \(trial 7\)/,
    ],
    ['a duplicate', changed(crashes, stream({ duplicates: 1 })), /Redis Stream: 1 duplicate \(trial 7\)/],
    ['a problem', changed(crashes, stream({ problems: ['recovered after 91 s'] })), /trial 7: recovered after 91 s/],
    [
      'a duplicate where the fault may delete jobs',
      changed(suite, { trial: { series: 'flushall', number: 1, fields: { duplicates: 2 } } }),
      /FLUSHALL: 2 duplicates \(trial 1\)/,
    ],
    [
      'a lost job in a series that is only measured',
      changed(scale, { trial: { series: 'workers-2', number: 3, fields: { lost: 1, stored: 399 } } }),
      /2 workers: 1 of 4,000 accepted jobs lost/,
    ],
    [
      'a ratio on the wrong side of its bound',
      syntheticScale(10, 1.2),
      /Jobs per second, 2 workers over 1 worker lies outside its bound/,
    ],
  ])('by %s', (_, evidence, reason) => {
    const { verdict } = analyzeTrials(evidence);
    expect(verdict).toMatchObject({ name: 'REFUTED', exitStatus: 1 });
    expect(verdict.reasons.join('; ')).toMatch(reason);
    expect(sentenceOf(evidence)).toMatch(reason);
  });

  test('not by what a fault itself deletes', () => {
    expect(seriesOf(suite, 'flushall')).toMatchObject({ verdict: 'HOLDS', reasons: [] });
    expect(seriesOf(suite, 'flushall').totals.lost).toBeGreaterThan(0);
  });
});

describe('INCONCLUSIVE, exit status 2', () => {
  test.each<[string, TrialsEvidence, RegExp]>([
    [
      'by a series that this machine could not run',
      changed(suite, {
        run: (run) => run.skipped.push({ series: 'database-disk-full', reason: 'mount needs root: run it as root' }),
        drop: ({ series }) => series === 'database-disk-full',
      }),
      /database disk full was skipped: mount needs root/,
    ],
    [
      'by an interval on both sides of its bound',
      syntheticScale(10, 1.5),
      /has an interval on both sides of its bound/,
    ],
    ['by too few rounds', syntheticScale(5), /5 rounds give at most 93\.8 % confidence; 95 % needs 6/],
    ['by more rounds than exact ranks take', syntheticScale(60), /60 rounds, and exact signed ranks take 52 at most/],
  ])('%s', (_, evidence, reason) => {
    const { verdict } = analyzeTrials(evidence);
    expect(verdict).toMatchObject({ name: 'INCONCLUSIVE', exitStatus: 2 });
    expect(verdict.reasons.join('; ')).toMatch(reason);
  });
});

describe('INVALID, exit status 3', () => {
  const healed = { lost: 0, stored: 400 };

  test.each<[string, TrialsEvidence, RegExp]>([
    [
      'when the run ended early',
      changed(crashes, { run: (run) => (run.brokenBy = 'interrupted') }),
      /ended early: interrupted/,
    ],
    [
      'when a guard broke',
      changed(crashes, { run: (run) => Object.assign(run.guards[0] ?? {}, { held: false, observed: 'abc' }) }),
      /guard commit did not hold \(abc\)/,
    ],
    [
      'when a trial is missing',
      changed(crashes, { drop: ({ series, trial }) => series === 'stream' && trial === 50 }),
      /Redis Stream: 49 of 50 trials are there/,
    ],
    [
      'when no fault of a promise met work',
      changed(crashes, { trial: { series: 'stream', fields: { faults: 0, idleFaults: 2, recoverySeconds: [] } } }),
      /Redis Stream: no fault met work in flight \(100 met none\)/,
    ],
    [
      'when nothing was accepted',
      changed(scale, { trial: { series: 'workers-4', fields: { accepted: 0, stored: 0 } } }),
      /4 workers: no job was accepted/,
    ],
    [
      'when a control was not caught',
      changed(crashes, { trial: { series: 'async', fields: healed } }),
      /the control in the process was not caught, so the harness is blind/,
    ],
    [
      'when a compared value is missing',
      changed(scale, { trial: { series: 'workers-1', number: 4, fields: { values: {} } } }),
      /Jobs per second, 2 workers over 1 worker is missing in 1 round/,
    ],
  ])('%s', (_, evidence, reason) => {
    const { verdict } = analyzeTrials(evidence);
    expect(verdict).toMatchObject({ name: 'INVALID', exitStatus: 3 });
    expect(verdict.reasons.join('; ')).toMatch(reason);
    expect(sentenceOf(evidence)).toMatch(/^INVALID\. This run proves nothing: /);
  });

  const control = (mustShow: Series['mustShow'], fields: Partial<Trial>) =>
    changed(crashes, {
      run: (run) => Object.assign(run.experiment.series[0] ?? {}, { mustShow }),
      trial: { series: 'async', fields: { ...healed, ...fields } },
    });
  const reads = { asked: 10, answered: 8, refused: 0, slowestSeconds: 1 };

  test.each<[Series['mustShow'], Partial<Trial>]>([
    ['lost', { lost: 1, stored: 399 }],
    ['duplicates', { duplicates: 1 }],
    ['wrong', { reads: { ...reads, wrong: 2, stale: 0 } }],
    ['stale', { reads: { ...reads, wrong: 0, stale: 2 } }],
    [{ problem: 'taken back' }, { problems: ['the zombie has taken back 3 entries'] }],
  ])('a control that must show %j is blind to everything else', (mustShow, own) => {
    const everything = [
      { lost: 1, stored: 399 },
      { duplicates: 1 },
      { reads: { ...reads, wrong: 2, stale: 0 } },
      { reads: { ...reads, wrong: 0, stale: 2 } },
      { problems: ['recovered after 91 s'] },
      { problems: ['the zombie has taken back 3 entries'] },
    ];
    for (const fields of everything) {
      const { verdict } = seriesOf(control(mustShow, fields), 'async');
      const isOwn = JSON.stringify(fields) === JSON.stringify(own);
      expect([fields, verdict]).toEqual([fields, isOwn ? 'CAUGHT' : 'HARNESS IS BLIND']);
    }
    const both = seriesOf(control(mustShow, { ...own, problems: [...(own.problems ?? []), 'and more'] }), 'async');
    expect(both.verdict).toBe('CAUGHT');
    expect(both.reasons.at(-1)).toContain('and more');
  });

  test('says what a blind control showed instead', () => {
    const evidence = control('lost', { problems: ['recovered after 91 s'] });
    expect(seriesOf(evidence, 'async').reasons).toEqual(
      expect.arrayContaining(['nothing was lost', 'trial 1: recovered after 91 s']),
    );
    expect(analyzeTrials(evidence).verdict.name).toBe('INVALID');
  });

  test('a control of older evidence, which names nothing, may fail by a duplicate or by a problem alone', () => {
    const quiet = changed(crashes, { trial: { series: 'async', fields: healed } });
    for (const fields of [{ duplicates: 1 }, { problems: ['stole 3 entries back'] }]) {
      const shown = changed(quiet, { trial: { series: 'async', number: 2, fields } });
      expect(seriesOf(shown, 'async').verdict).toBe('CAUGHT');
      expect(analyzeTrials(shown).verdict.name).toBe('CONFIRMED');
    }
  });

  test('says what it saw all the same', () => {
    const evidence = changed(crashes, {
      run: (run) => (run.brokenBy = 'interrupted'),
      trial: { series: 'stream', number: 1, fields: { lost: 2, stored: 398 } },
    });
    expect(sentenceOf(evidence)).toMatch(
      /What it saw all the same: Redis Stream: 2 of 20,000 accepted jobs lost \(trial 1\)/,
    );
  });

  test('a series that goes on is INCOMPLETE, and never holds before its end', () => {
    const half = changed(crashes, { drop: ({ trial }) => trial > 25 });
    expect(seriesOf(half, 'stream').verdict).toBe('INCOMPLETE');
    expect(seriesOf(half, 'async').verdict).toBe('CAUGHT');
  });
});

describe('losses by crash', () => {
  const storm = (fields: Partial<Trial>) =>
    seriesOf(changed(suite, { trial: { series: 'consumer-sigkill', fields } }), 'consumer-sigkill');

  test('leave open which of several crashes lost, and bound the worst case', () => {
    expect(storm({ lost: 4, stored: 4996 }).losses).toMatchObject({
      jobs: 4,
      crashes: 10,
      fewestCrashes: 1,
      mostCrashes: 4,
    });
    expect(storm({ lost: 400, stored: 4600 }).losses).toMatchObject({
      fewestCrashes: 1,
      mostCrashes: 10,
      boundByCrash: 1,
    });
    expect(storm({}).losses).toMatchObject({ fewestCrashes: 0, mostCrashes: 0 });
    expect(storm({}).losses.boundByCrash).toBeCloseTo(1 - 0.05 ** 0.1, 12);
    expect(storm({}).losses.boundByJob).toBeCloseTo(1 - 0.05 ** (1 / 5000), 12);
  });

  test('are equal to the crashes that lost where a trial has one', () => {
    const { losses, trials } = seriesOf(crashes, 'async');
    const lossy = trials.filter(({ lost }) => lost > 0).length;
    expect(losses).toMatchObject({ crashes: 50, fewestCrashes: lossy, mostCrashes: lossy });
  });
});

test('recovery and values are medians with their extremes, and absent where nothing was recorded', () => {
  expect(seriesOf(suite, 'consumer-sigkill').recovery).toEqual({
    median: 15.75,
    smallest: 15,
    largest: 16.75,
    count: 10,
  });
  expect(seriesOf(suite, 'everysec').recovery).toBeUndefined();
  const values = [3, 1, 2].map((jobsPerSecond, index) => ({
    number: index + 1,
    values: { jobs_per_second: jobsPerSecond },
  }));
  const evidence = values.reduce(
    (own, { number, ...fields }) => changed(own, { trial: { series: 'workers-1', number, fields } }),
    syntheticScale(3),
  );
  expect(seriesOf(evidence, 'workers-1').values.get('jobs_per_second')).toEqual({
    median: 2,
    smallest: 1,
    largest: 3,
    count: 3,
  });
});
