import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { analyzeTrials } from '../analysis/analyze-trials.ts';
import { readEvidence } from '../evidence/read-evidence.ts';
import { writeEvidence } from '../evidence/write-evidence.ts';
import type { Annotation } from '../protocol/annotation.ts';
import { CouldNotRunError } from '../protocol/could-not-run-error.ts';
import { createProgress } from '../protocol/progress.ts';
import type { TrialsRequest } from '../protocol/run-scheduled-trials.ts';
import { runTrials } from '../protocol/run-trials.ts';
import type { SeriesDefinition, TrialExperiment, TrialOutcome } from '../protocol/trial-experiment.ts';
import { composeTrialsReport } from '../report/compose-trials-report.ts';
import { type JournalConditions, openTrialJournal, type TrialJournal } from '../protocol/trial-journal.ts';

const outcome: TrialOutcome = {
  faults: 1,
  idleFaults: 0,
  inFlight: 4,
  offered: 10,
  accepted: 9,
  stored: 8,
  deadLettered: 1,
  lost: 0,
  duplicates: 0,
  recoverySeconds: [1.25],
  values: {},
  problems: [],
};

let folder: string;
let journal: TrialJournal;
let events: string[];
let drawn: Record<string, number>;
let written: string;
let controller: AbortController;

const conditions: JournalConditions = {
  experiment: 'stand-in',
  series: [],
  profile: 'quick',
  database: 'postgres',
  commit: 'c0ffee',
  dirty: false,
  fingerprint: { cpuModel: 'any', cores: 2, memoryBytes: 1, kernel: 'any', hypervisor: 'none seen', binaries: [] },
};

const openJournal = (changes: Partial<JournalConditions> = {}, seed?: number): Promise<TrialJournal> =>
  openTrialJournal({
    folder,
    conditions: { ...conditions, ...changes },
    seed,
    drawSeed: () => 7,
    note: (text) => void (written += `${text}\n`),
  });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-trials-'));
  [events, drawn, written, controller] = [[], {}, '', new AbortController()];
  journal = await openJournal();
});

afterEach(async () => {
  journal.close();
  await rm(folder, { recursive: true });
});

type RunTrial = (trial: number) => Partial<TrialOutcome>;

/** A series that writes down what is asked of it; `runTrial` may throw. */
function standIn(id: string, trials: number, runTrial: RunTrial = () => ({})): SeriesDefinition {
  return {
    id,
    label: id,
    how: 'nothing is done',
    mustHold: '0 lost',
    role: 'promise',
    mayLose: false,
    trials: { quick: trials, full: trials },
    open: ({ random }) => {
      events.push(`open ${id}`);
      drawn[id] = random();
      return Promise.resolve({
        settings: [{ part: 'service', source: 'fake', values: { opened: folder } }],
        // Async, so that what it throws is a rejection.
        runTrial: async ({ trial, random }) => {
          events.push(`${id} ${trial}`);
          drawn[`${id} ${trial}`] = random();
          return await Promise.resolve({ ...outcome, ...runTrial(trial) });
        },
        close: () => {
          events.push(`close ${id}`);
          return Promise.resolve();
        },
      });
    },
  };
}

function experimentOf(order: TrialExperiment['order'], series: readonly SeriesDefinition[]): TrialExperiment {
  return {
    protocol: 'trials',
    id: 'stand-in',
    title: 'Stand-ins',
    question: 'Are they run?',
    claim: { text: 'They are.' },
    order,
    series,
    values: [],
    comparisons: [],
    limits: [],
    settings: () => ({ 'jobs of a trial': 10 }),
  };
}

const requestFor = (experiment: TrialExperiment): TrialsRequest => ({
  id: 'test-run',
  command: 'make faults SEED=7',
  database: 'postgres',
  binaries: [],
  experiment,
  profile: 'quick',
  journal,
  requireAll: false,
  progress: createProgress({ write: (text) => (written += text) }),
  signal: controller.signal,
});

const run = (order: TrialExperiment['order'], ...series: readonly SeriesDefinition[]) =>
  runTrials(requestFor(experimentOf(order, series)));

describe('a run in trials', () => {
  it('marks every trial with its series, and the run, for dashboards', async () => {
    const tags: string[] = [];
    const annotate = (annotation: Annotation): Promise<void> => {
      expect(annotation.to.getTime()).toBeGreaterThanOrEqual(annotation.from.getTime());
      tags.push(annotation.tags.join(' '));
      return Promise.resolve();
    };
    const experiment = experimentOf('one-by-one', [standIn('first', 2), standIn('second', 1)]);
    await runTrials({ ...requestFor(experiment), annotate });
    expect(tags).toEqual([
      'run:test-run series:first trial:1',
      'run:test-run series:first trial:2',
      'run:test-run series:second trial:1',
      'run:test-run',
    ]);
  });

  it('leaves evidence that is written and read again, with a verdict', async () => {
    const evidence = await run('one-by-one', standIn('first', 2), standIn('second', 1));
    const report = join(folder, 'report');
    await writeEvidence(report, evidence);
    const back = await readEvidence(report);
    expect({ ...back, run: { ...back.run, files: {} } }).toEqual(evidence);
    expect(evidence.run).toMatchObject({ kind: 'trials', seed: 7, settings: { 'jobs of a trial': 10 }, skipped: [] });
    const guards = evidence.run.guards.map(({ guard }) => guard);
    expect(guards).toEqual(['clock-step', 'work-tree-unchanged']);
    expect(analyzeTrials(evidence).series.map(({ verdict }) => verdict)).toEqual(['HOLDS', 'HOLDS']);
  });

  it('opens one stage after the other when series run one by one', async () => {
    await run('one-by-one', standIn('first', 2), standIn('second', 1));
    expect(events).toEqual([
      'open first',
      'first 1',
      'first 2',
      'close first',
      'open second',
      'second 1',
      'close second',
    ]);
  });

  it('keeps stages open over interleaved rounds, whose order the seed draws', async () => {
    const series = ['a', 'b', 'c', 'd'].map((id) => standIn(id, 5));
    await run('interleaved', ...series, standIn('short', 1));
    expect(events.filter((event) => event.startsWith('open'))).toHaveLength(5);
    const rounds = events.filter((event) => /^\w+ \d$/.test(event));
    expect(rounds.map((event) => event.at(-1)).join('')).toBe('111112222333344445555');
    const orders = [5, 9, 13, 17].map((first) => rounds.slice(first, first + 4).map((event) => event.charAt(0)));
    for (const order of orders) expect(order.toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect(new Set(orders.map(String)).size).toBeGreaterThan(1);
  });

  it('runs as many series at a time as the experiment says, and gives their trials in its order', async () => {
    const gate = Promise.withResolvers<void>();
    const series = ['a', 'b', 'c', 'd'].map((id) => {
      const own = standIn(id, 2);
      const open: SeriesDefinition['open'] = async (request) => {
        const stage = await own.open(request);
        return {
          ...stage,
          async runTrial(context) {
            // The first series ends last.
            if (id === 'a') await gate.promise;
            if (id === 'd' && context.trial === 2) gate.resolve();
            return stage.runTrial(context);
          },
        };
      };
      return { ...own, open };
    });
    const { run: record, trials } = await runTrials(
      requestFor({ ...experimentOf('one-by-one', series), concurrency: 2 }),
    );
    expect(events.slice(0, 2)).toEqual(['open a', 'open b']);
    expect(events.indexOf('open c')).toBeGreaterThan(events.indexOf('close b'));
    expect(events.at(-1)).toBe('close a');
    const order = trials.map(({ series: id, trial }) => `${id}${trial}`).join(' ');
    expect(order).toBe('a1 a2 b1 b2 c1 c2 d1 d2');
    expect(record.settings).toMatchObject({ 'series at a time': 2 });
  });

  it('keeps one series at a time where rounds are compared', async () => {
    const experiment = { ...experimentOf('interleaved', [standIn('a', 2), standIn('b', 2)]), concurrency: 2 };
    const { run: record } = await runTrials(requestFor(experiment));
    expect(record.settings).toEqual({ 'jobs of a trial': 10 });
  });

  it('tells each trial, and how long the rest will take', async () => {
    await run('one-by-one', standIn('first', 2));
    expect(written).toContain('first 1: 9 accepted, 4 in flight, 0 lost, 0 duplicate, recovered in 1.3 s\n');
    expect(written).toMatch(/about 0:00 left/);
  });

  it('ends the series of a trial that breaks, with its reason, and lets the others run', async () => {
    const breaking = standIn('breaking', 3, (trial) => {
      if (trial === 2) throw new Error('the proxy does not answer');
      return {};
    });
    for (const order of ['interleaved', 'one-by-one'] as const) {
      const evidence = await run(order, breaking, standIn('other', 5));
      const { broken } = evidence.run;
      expect(broken).toMatchObject([{ series: 'breaking', trial: 2, reason: 'the proxy does not answer' }]);
      const ran = ({ series }: { series: string }) => series === 'breaking';
      expect([evidence.trials.filter(ran).length, evidence.trials.length]).toEqual([1, 6]);
      expect(events.filter((event) => event.startsWith('close')).sort()).toEqual(['close breaking', 'close other']);
      const { verdict, series } = analyzeTrials(evidence);
      expect(series.map((own) => own.verdict)).toEqual(['INCOMPLETE', 'HOLDS']);
      expect(verdict.name).toBe('INVALID');
      expect(verdict.reasons.join('; ')).toContain('breaking: trial 2 broke: the proxy does not answer');
      expect(written).toContain('breaking 2 broke, and its series ends here: the proxy does not answer');
      await writeEvidence(join(folder, order), evidence);
      expect((await readEvidence(join(folder, order))).run).toMatchObject({ broken });
      events = [];
    }
  });

  it('ends the series of a trial whose counts do not add up', async () => {
    const wrong = standIn('wrong', 2, (trial) => (trial === 2 ? { lost: 1 } : {}));
    const { run: record } = await run('one-by-one', wrong);
    expect(record.broken?.[0]?.reason).toBe('9 accepted are not 8 stored + 1 dead-lettered + 1 lost');
  });

  it('ends a series whose stage does not come up', async () => {
    const open = () => Promise.reject(new Error('no port is free'));
    const { run: record } = await run('one-by-one', { ...standIn('stuck', 2), open }, standIn('other', 1));
    expect(record.broken).toMatchObject([{ series: 'stuck', trial: 1, reason: 'no port is free' }]);
  });

  it('has no result when it breaks before a trial was finished', async () => {
    const wrong = standIn('wrong', 1, () => ({ lost: 1 }));
    await expect(run('one-by-one', wrong)).rejects.toThrow(CouldNotRunError);
    expect(events.at(-1)).toBe('close wrong');
  });

  it('tells which stage could not be taken down, and takes the others down', async () => {
    const stuck = standIn('stuck', 9);
    const open: SeriesDefinition['open'] = async (request) => ({
      ...(await stuck.open(request)),
      close: () => Promise.reject(new Error('it hangs')),
    });
    const other = standIn('other', 9, (trial) => {
      if (trial === 2) controller.abort(new Error('SIGINT'));
      return {};
    });
    await expect(run('interleaved', { ...stuck, open }, other)).rejects.toThrow('SIGINT');
    expect(written).toContain('stuck could not be taken down: it hangs');
    expect(events.at(-1)).toBe('close other');
  });

  it('names loudly the series that this machine cannot run, and skips it', async () => {
    const missing = { ...standIn('missing', 1), unavailable: () => Promise.resolve('there is no gcc: install it') };
    const { run: record, trials } = await run('one-by-one', missing, standIn('other', 1));
    expect(record.skipped).toEqual([{ series: 'missing', reason: 'there is no gcc: install it' }]);
    expect(trials.map(({ series }) => series)).toEqual(['other']);
    expect(written).toContain('SKIPPED missing: there is no gcc: install it');
    const strict = { ...requestFor(experimentOf('one-by-one', [missing, standIn('other', 1)])), requireAll: true };
    await expect(runTrials(strict)).rejects.toThrow(/REQUIRE_ALL=1.*missing: there is no gcc/);
    await expect(run('one-by-one', missing)).rejects.toThrow('nothing can be run: missing: there is no gcc');
  });
});

describe('a run that was interrupted', () => {
  const interruptedAt = (number: number) =>
    standIn('second', 4, (trial) => {
      if (trial === number) controller.abort(new Error('SIGINT'));
      return {};
    });

  /** As if the program had ended and was called again. */
  async function callAgain(changes: Partial<JournalConditions> = {}, seed?: number): Promise<void> {
    journal.close();
    [controller, written] = [new AbortController(), ''];
    events = [];
    journal = await openJournal(changes, seed);
  }

  it('closes everything, forgets the trial that was cut short, and goes on after the last finished one', async () => {
    await expect(run('one-by-one', standIn('first', 2), interruptedAt(3))).rejects.toThrow('SIGINT');
    expect(events.at(-1)).toBe('close second');
    const before = { ...drawn };

    await callAgain();
    const { run: record, trials } = await run('one-by-one', standIn('first', 2), standIn('second', 4));
    expect(events).toEqual(['open second', 'second 3', 'second 4', 'close second']);
    expect(trials.map(({ series, trial }) => `${series} ${trial}`)).toEqual([
      'first 1',
      'first 2',
      'second 1',
      'second 2',
      'second 3',
      'second 4',
    ]);
    expect(drawn).toMatchObject(before);
    expect(record.startedAt).toBe(journal.startedAt);
    expect(record.guards.find(({ guard }) => guard === 'same-when-resumed')?.observed).toContain(
      `resumed ${journal.resumedAt[0]}`,
    );
    expect(new Set(Object.values(drawn)).size).toBe(Object.keys(drawn).length);
  });

  it('still knows what those series ran with that were at their end before', async () => {
    await expect(run('one-by-one', standIn('first', 2), interruptedAt(3))).rejects.toThrow('SIGINT');
    await callAgain();
    const { run: record } = await run('one-by-one', standIn('first', 2), standIn('second', 4));
    expect(events).not.toContain('open first');
    expect(record.partSettings).toEqual([
      { part: 'service', source: 'fake', values: { opened: folder }, of: ['first', 'second'] },
    ]);
  });

  it('runs a trial that broke again, and says so in the report', async () => {
    const broken = standIn('first', 2, (trial) => (trial === 2 ? { lost: 1 } : {}));
    const others = [standIn('second', 1), standIn('third', 1)];
    await run('one-by-one', broken, ...others);

    await callAgain();
    const evidence = await run('one-by-one', standIn('first', 2), ...others);
    expect(events).toEqual(['open first', 'first 2', 'close first']);
    const { verdict, warnings } = composeTrialsReport(evidence);
    expect(verdict.name).toBe('CONFIRMED');
    expect(warnings.join()).toMatch(/^first: trial 2 broke once: 9 accepted are not 8 stored/);
  });

  it('goes on with every series that was under way', async () => {
    const both = (interruptAt: number) =>
      ['one', 'two'].map((id) =>
        standIn(id, 3, (trial) => {
          if (id === 'two' && trial === interruptAt) controller.abort(new Error('SIGINT'));
          return {};
        }),
      );
    const request = (series: readonly SeriesDefinition[]) =>
      requestFor({ ...experimentOf('one-by-one', series), concurrency: 2 });
    await expect(runTrials(request(both(2)))).rejects.toThrow('SIGINT');
    await callAgain();
    const { trials } = await runTrials(request(both(0)));
    expect(trials.map(({ series, trial }) => `${series} ${trial}`)).toEqual([
      'one 1',
      'one 2',
      'one 3',
      'two 1',
      'two 2',
      'two 3',
    ]);
  });

  it('runs again the trial whose line was cut off by a kill', async () => {
    await expect(run('one-by-one', interruptedAt(3))).rejects.toThrow('SIGINT');
    const file = join(folder, 'journal.ndjson');
    await writeFile(file, (await readFile(file, 'utf8')).slice(0, -20));
    await callAgain();
    await run('one-by-one', standIn('second', 4));
    expect(events).toEqual(['open second', 'second 2', 'second 3', 'second 4', 'close second']);
    await callAgain();
    expect(journal.entries).toHaveLength(4);
  });

  it.each<[string, Partial<JournalConditions>, number | undefined, string]>([
    ['another seed', {}, 8, 'the seed is 8, was 7'],
    ['another commit', { commit: 'decaf' }, undefined, 'the commit is decaf, was c0ffee'],
    ['changes without a commit', { dirty: true }, undefined, 'the work tree has or had changes'],
    ['other series', { series: [['first', 3]] }, undefined, 'other series, or other numbers of trials'],
    [
      'another machine',
      { fingerprint: { ...conditions.fingerprint, cores: 4 } },
      undefined,
      'the machine or a binary is another one',
    ],
  ])('begins anew with %s, says why, and keeps the old journal', async (_, changes, seed, reason) => {
    await expect(run('one-by-one', interruptedAt(3))).rejects.toThrow('SIGINT');
    await callAgain(changes, seed);
    expect(written).toContain(`begins anew: ${reason}`);
    expect(journal.entries).toEqual([]);
    expect((await readdir(folder)).filter((name) => name.startsWith('journal'))).toHaveLength(2);
  });

  it('lets no second process write to its journal', async () => {
    await expect(openJournal()).rejects.toThrow(/is in use/);
  });

  it('refuses a journal that was changed by hand, naming the line', async () => {
    await appendFile(join(folder, 'journal.ndjson'), '{"trial":1}\n');
    await expect(callAgain()).rejects.toThrow(/journal\.ndjson:2 cannot be read: remove the file/);
  });

  it('leaves no journal when it is complete', async () => {
    await run('one-by-one', standIn('first', 1));
    await journal.remove();
    await callAgain();
    expect(journal.resumedAt).toEqual([]);
    expect(journal.entries).toEqual([]);
  });
});
