import { describe, expect, test } from 'vitest';

import { analyzeRun } from '../analysis/analyze-run.ts';
import type { Evidence, RunRecord } from '../evidence/schema.ts';
import { verdictSentence } from '../report/verdict-sentence.ts';
import { syntheticEvidence } from './synthetic-evidence.ts';

const evidenceWith = (after: number, noise = 0.02) =>
  syntheticEvidence({ databaseCpuPercent: { before: 79, after }, noise });

const changed = (change: (run: RunRecord) => void, evidence: Evidence = evidenceWith(4)): Evidence => {
  const run = structuredClone(evidence.run);
  change(run);
  return { ...evidence, run };
};

const verdictOf = (evidence: Evidence) => analyzeRun(evidence).verdict;

describe('a claim of at most 20 %', () => {
  test.each([
    ['CONFIRMED', 0, 4],
    ['REFUTED', 1, 40],
    ['INCONCLUSIVE', 2, 20],
  ] as const)('is %s, exit status %i, at %i %%', (name, exitStatus, after) => {
    expect(verdictOf(evidenceWith(after))).toMatchObject({ name, exitStatus });
  });

  test('turns around with its relation', () => {
    const atLeast = changed((run) => (run.experiment.claim.relation = 'at-least'));
    expect(verdictOf(atLeast).name).toBe('REFUTED');
  });

  test('may speak of the variant before', () => {
    const before = changed((run) =>
      Object.assign(run.experiment.claim, { variant: 'before', relation: 'at-least', bound: 60 }),
    );
    expect(verdictOf(before).name).toBe('CONFIRMED');
  });

  test('is INCONCLUSIVE with five blocks, however clear they are', () => {
    const five = syntheticEvidence({ blocks: 5, noise: 0.01 });
    expect(verdictOf(five)).toMatchObject({ name: 'INCONCLUSIVE', exitStatus: 2 });
    expect(verdictSentence(five)).toMatch(/^INCONCLUSIVE\. 5 blocks give at most 93\.8 % confidence; 95 % needs 6/);
  });
});

describe('a claim that a change is at most 1 × before', () => {
  const ofChange = (after: number, noise = 0.02, claim: Partial<RunRecord['experiment']['claim']> = {}) =>
    changed(
      (run) => Object.assign(run.experiment.claim, { variant: 'change', bound: 1, finding: undefined, ...claim }),
      evidenceWith(after, noise),
    );

  test.each([
    ['CONFIRMED', 60],
    ['REFUTED', 100],
    ['INCONCLUSIVE', 79],
  ] as const)('is %s at 79 before and %i after', (name, after) => {
    expect(verdictOf(ofChange(after)).name).toBe(name);
  });

  test('is held against the ratio, not against a level: 0.6 % after 0.5 % is worse, though both are below 1', () => {
    const evidence = syntheticEvidence({ databaseCpuPercent: { before: 0.5, after: 0.6 }, noise: 0.01 });
    const claim = { variant: 'change', bound: 1, finding: undefined } as const;
    expect(verdictOf(changed((run) => Object.assign(run.experiment.claim, claim), evidence)).name).toBe('REFUTED');
    const level = { ...claim, variant: 'after' } as const;
    expect(verdictOf(changed((run) => Object.assign(run.experiment.claim, level), evidence)).name).toBe('CONFIRMED');
  });

  test('turns around with its relation', () => {
    expect(verdictOf(ofChange(100, 0.02, { relation: 'at-least' })).name).toBe('CONFIRMED');
  });

  test('is INCONCLUSIVE in noise that hides the change', () => {
    expect(verdictOf(ofChange(90, 0.9)).name).toBe('INCONCLUSIVE');
  });

  test('is said with the ratio and its interval', () => {
    expect(verdictSentence(ofChange(100))).toMatch(
      /^REFUTED\. .* % more, a ratio of 1\.2\d* \[1\.\d+, 1\.\d+\]\. The claim was at most 1 × before\. \(6 blocks, 96\.9 % intervals/,
    );
    const own = { finding: 'From {before} to {after}: {ratio}.' };
    expect(verdictSentence(ofChange(100, 0.02, own))).toMatch(/From 7\d.* \[.*\] to .* \[.*\]: 1\.2\d* \[/);
  });
});

describe('INVALID, with its reason and exit status 3', () => {
  test.each<[string, (run: RunRecord) => void, RegExp]>([
    ['when the run ended early', (run) => (run.brokenBy = 'the database stopped'), /ended early: the database stopped/],
    ['when a block is missing', (run) => run.slots.splice(5, 1), /5 of 6 blocks are complete/],
    [
      'when a guard of the run broke',
      (run) => Object.assign(run.guards[0] ?? {}, { held: false }),
      /guard equal-answers/,
    ],
    ...(['calibration', 'measured', 'sweep', 'closed'] as const).map(
      (role): [string, (run: RunRecord) => void, RegExp] => [
        `when a guard of a ${role} slot broke`,
        (run) => Object.assign(run.slots.find((slot) => slot.role === role)?.guards[2] ?? {}, { held: false }),
        /guard generator-cpu did not hold \(slot .*11 % of a core/,
      ],
    ),
  ])('%s', (_, change, reason) => {
    const invalid = verdictOf(changed(change));
    expect(invalid).toMatchObject({ name: 'INVALID', exitStatus: 3 });
    expect(invalid.reasons.join('; ')).toMatch(reason);
  });

  test('when the claim’s metric is missing in one slot', () => {
    const evidence = evidenceWith(4);
    const samples = evidence.samples.filter(
      ({ slot, metric }) => slot !== 'block-3-1' || metric !== 'database_cpu_seconds',
    );
    expect(verdictOf({ ...evidence, samples }).reasons.join()).toMatch(/missing in 1 of 6 blocks/);
  });

  test('the control: the same evidence, unbroken, is CONFIRMED', () => {
    expect(verdictOf(changed(() => {})).name).toBe('CONFIRMED');
  });
});

describe('the sentence', () => {
  test('gives number, interval, rate and change, and calls the quick profile a first look', () => {
    expect(verdictSentence(syntheticEvidence())).toMatch(
      /^CONFIRMED\. With the look-aside cache PostgreSQL used 4\.\d+ % \[[\d.]+, [\d.]+\] at 148 reads\/s, where without it it used 7\d % \[7\d, 8\d\]: 19 times less\. \(6 blocks, 96\.9 % intervals, quick profile: a first look\.\)$/,
    );
  });

  test('is written without a template as well', () => {
    const plain = changed((run) => delete run.experiment.claim.finding);
    expect(verdictSentence(plain)).toMatch(/CPU.* was 4\.\d+ % \[.*\] with look-aside cache at 148 reads\/s, and 7\d/);
  });

  test('of an invalid run has no result in it', () => {
    const sentence = verdictSentence(changed((run) => (run.brokenBy = 'SIGTERM')));
    expect(sentence).toBe('INVALID. This run proves nothing: the run ended early: SIGTERM.');
  });
});
