import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';

import { analyzeTrials } from '../analysis/analyze-trials.ts';
import type { SeriesTimeline } from '../analysis/timeline-analysis.ts';
import { readEvidence } from '../evidence/read-evidence.ts';
import type { Timeline, TimelineDefinition } from '../evidence/timeline-schema.ts';
import { trialSchema, type TrialsEvidence, trialsRecordSchema } from '../evidence/trials-schema.ts';
import { writeEvidence } from '../evidence/write-evidence.ts';
import { renderReport } from '../report/render-report.ts';
import { inventedTimeline, syntheticTimelines } from './synthetic-timelines.ts';
import { syntheticCrashes } from './synthetic-trials.ts';

const evidence = syntheticTimelines();
const timelineOf = (id: string, of = evidence): SeriesTimeline => {
  const found = analyzeTrials(of).timelines.find(({ series }) => series.id === id);
  if (found === undefined) throw new Error(`no timeline of "${id}"`);
  return found;
};

/** The same evidence with each trial's timeline changed. */
function changed(change: (timeline: Timeline) => void): TrialsEvidence {
  const trials = structuredClone(evidence.trials);
  for (const { timeline } of trials) if (timeline) change(timeline);
  return { ...evidence, trials };
}

async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'timelines-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('evidence with timelines', () => {
  test('what is invented has the shape of evidence, and is read as it was written', async () => {
    expect(trialsRecordSchema.parse(evidence.run)).toEqual(evidence.run);
    for (const trial of evidence.trials) expect(trialSchema.parse(trial)).toEqual(trial);
    const read = await inFolder(async (folder) => {
      await writeEvidence(folder, evidence);
      return readEvidence(folder);
    });
    expect(read).toMatchObject({ trials: evidence.trials });
  });

  test.each<[string, (timeline: Timeline) => void, RegExp]>([
    ['a value that is not defined', ({ values }) => (values['surprise'] = [1]), /values of "surprise", which/],
    ['a value that is missing', ({ values }) => delete values['p99'], /0 of 20 intervals of "p99"/],
    ['values of different lengths', ({ values }) => values['p99']?.pop(), /19 of 20 intervals of "p99"/],
    ['a state without a name', ({ values }) => values['breaker']?.splice(0, 1, 3), /3 as a state of "breaker"/],
    ['a first mark after the beginning', ({ marks }) => marks.shift(), /first mark of its timeline is at 3\.0/],
    ['marks in no order', ({ marks }) => marks.splice(1, 2, ...marks.slice(1).toReversed()), /SIGKILL" of its .* not/],
    ['a mark after the end', ({ marks }) => Object.assign(marks[2] ?? {}, { atSeconds: 10 }), /at 10 s of 10/],
  ])('is refused with %s', async (_, change, problem) => {
    const refused = inFolder((folder) => writeEvidence(folder, changed(change)));
    await expect(refused).rejects.toThrow(problem);
  });

  test('is refused when a trial has none, and when a trial has one that nobody defined', async () => {
    const without = { ...evidence, trials: syntheticCrashes(3).trials };
    await expect(inFolder((folder) => writeEvidence(folder, without))).rejects.toThrow(/it has no timeline/);
    const { timeline: _timeline, ...experiment } = evidence.run.experiment;
    const undefinedOne = { ...evidence, run: { ...evidence.run, experiment } };
    await expect(inFolder((folder) => writeEvidence(folder, undefinedOne))).rejects.toThrow(/defines none/);
  });

  test.each<[string, (definition: TimelineDefinition) => void, RegExp]>([
    ['a value twice', ({ panels }) => panels.push(...panels.slice(1, 2)), /value "p99" stands there twice/],
    ['states without names', ({ panels }) => delete panels[3]?.states, /"breaker" must name its states/],
    [
      'a limit at a value that is not defined',
      ({ panels }) => panels[0]?.limits.push({ label: 'x', at: 'nowhere' }),
      /limit "x" is at the value "nowhere"/,
    ],
  ])('is refused when the definition has %s', async (_, change, problem) => {
    const run = structuredClone(evidence.run);
    if (run.experiment.timeline) change(run.experiment.timeline);
    await expect(inFolder((folder) => writeEvidence(folder, { ...evidence, run }))).rejects.toThrow(problem);
  });
});

describe('the analysis of timelines', () => {
  test('takes shares of the answers phase by phase, over all trials', () => {
    const [before, outage, after] = timelineOf('stream').phases;
    expect(before).toMatchObject({ label: 'before', isFault: false, fromSeconds: 0 });
    expect(before?.answers).toMatchObject({
      served: { median: 1 },
      allServedAfterSeconds: { largest: 0 },
      restless: 0,
    });
    // 8 intervals of 600 a second: in the first 300 are refused and 60 wrong, in the others 300 refused.
    expect(outage?.answers?.served.median).toBeCloseTo((240 + 7 * 300) / (8 * 600), 12);
    expect(outage?.answers?.failed.median).toBeCloseTo(60 / (8 * 600), 12);
    expect(outage?.answers?.restless).toBe(3);
    expect(after?.answers?.restless).toBe(0);
  });

  test('finds when all is served again, to the interval, and says so when it never is', () => {
    // Refusals go on for 1 s after the return: the series' marks are a hundredth late.
    expect(timelineOf('stream').phases[2]?.answers?.allServedAfterSeconds.median).toBeCloseTo(1, 1);
    const { answers } = timelineOf('async').phases[2] ?? {};
    expect(answers).toMatchObject({ restless: 3 });
  });

  test('names the worst interval with its trial and its phase', () => {
    expect(timelineOf('stream').worst).toEqual({ trial: 1, atSeconds: 3, phase: 'Redis SIGKILL', servedShare: 0.4 });
    const calm = changed(({ values }) => {
      values['refused']?.fill(0);
      values['failed']?.fill(0);
    });
    expect(timelineOf('stream', calm).worst).toBeUndefined();
  });

  test('leaves out what was not read, and takes it for no 0', () => {
    const backends = timelineOf('stream').panels[2]?.lines[1];
    expect(backends?.intervals[8]).toBeUndefined();
    expect(backends?.intervals[9]).toMatchObject({ median: 10, count: 3 });
    expect(timelineOf('stream').phases[1]?.means.get('backends')?.median).toBe(10);
  });

  test('puts a limit that was measured at the median of the trials', () => {
    expect(timelineOf('stream').panels[0]?.limits).toEqual([{ label: 'capacity', at: 292 }]);
    expect(timelineOf('stream').panels[2]?.limits).toEqual([{ label: 'limit', at: 16 }]);
  });

  test('has nothing to say of trials without', () => {
    expect(analyzeTrials(syntheticCrashes(2)).timelines).toEqual([]);
  });
});

describe('the report of timelines', () => {
  const page = parseHTML(renderReport(evidence)['index.html'] ?? '').document;
  const section = page.querySelector('#timelines');
  const figures = [...(section?.querySelectorAll('figure') ?? [])];

  test('has a chart for each series, with a panel for each of the definition and its intervals in a table', () => {
    expect(figures).toHaveLength(2);
    for (const figure of figures) {
      expect(figure.querySelectorAll('svg.wide g[transform^="translate(0,"] > text')).toHaveLength(
        inventedTimeline.panels.length,
      );
      expect(figure.nextElementSibling?.querySelectorAll('tbody tr')).toHaveLength(20);
    }
  });

  test('shades what is out of order, and labels every phase in the chart or under it', () => {
    for (const size of ['wide', 'narrow']) {
      const svg = figures[0]?.querySelector(`svg.${size}`);
      expect(svg?.querySelectorAll('rect[fill="var(--refuted)"][fill-opacity="0.11"]')).toHaveLength(1);
      const text = svg?.textContent ?? '';
      for (const label of ['before', 'Redis SIGKILL', 'Redis is back']) expect(text).toContain(label);
    }
  });

  test('says what each phase comes to, and draws a row of states for each trial', () => {
    const rows = [...(section?.querySelectorAll('figure ~ .scroll tbody tr') ?? [])].map(
      ({ textContent }) => textContent,
    );
    expect(rows.some((row) => row.includes('▒ Redis SIGKILL') && /48\.8\s%/.test(row))).toBe(true);
    expect(section?.textContent).toMatch(/40\s% of the answers were served, from 3\ss on in trial 1/);
    const [, , , states] = figures[0]?.querySelectorAll('svg.wide g[transform^="translate(0,"]') ?? [];
    expect(states?.querySelectorAll('rect[fill="var(--refuted)"]')).toHaveLength(3);
  });

  test('is there in Markdown with its charts, and left out where there is no timeline', () => {
    const files = renderReport(evidence);
    expect(files['report.md']).toContain('![Redis Stream as time goes by](timeline-stream.svg)');
    expect(files['timeline-stream.svg']).toMatch(/^<svg .*<\/svg>\n$/s);
    expect(files['timeline-stream.svg']).not.toContain('NaN');
    expect(renderReport(syntheticCrashes(2))['report.md']).not.toContain('As time went by');
  });

  test('is drawn from one trial as well, and from values that are all 0', () => {
    const single = syntheticTimelines(1);
    for (const { timeline } of single.trials) timeline?.values['p99']?.fill(0);
    const svg = renderReport(single)['timeline-stream.svg'] ?? '';
    expect(svg).toContain('One trial.');
    expect(svg).not.toMatch(/NaN|Infinity/);
  });
});
