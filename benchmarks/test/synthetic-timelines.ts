import { createSeededRandom } from '../analysis/seeded-random.ts';
import type { Timeline, TimelineDefinition } from '../evidence/timeline-schema.ts';
import type { Trial, TrialsEvidence } from '../evidence/trials-schema.ts';
import { syntheticCrashes } from './synthetic-trials.ts';

export const inventedTimeline: TimelineDefinition = {
  intervalSeconds: 0.5,
  panels: [
    {
      id: 'answers',
      label: 'Answers',
      unit: '1/s',
      form: 'stacked',
      values: [
        { id: 'served', label: 'served', answers: 'served' },
        { id: 'refused', label: '503', answers: 'refused' },
        { id: 'failed', label: 'wrong or none', answers: 'failed' },
      ],
      limits: [{ label: 'capacity', at: 'capacity_per_second' }],
    },
    {
      id: 'latency',
      label: 'p99',
      unit: 's',
      form: 'lines',
      values: [{ id: 'p99', label: 'p99' }],
      limits: [],
    },
    {
      id: 'loads',
      label: 'Loads in flight',
      unit: '',
      form: 'lines',
      values: [
        { id: 'loads', label: 'at the service' },
        { id: 'backends', label: 'at the database' },
      ],
      limits: [{ label: 'limit', at: 16 }],
    },
    {
      id: 'breaker',
      label: 'Breaker',
      unit: '',
      form: 'states',
      states: ['closed', 'half-open', 'open'],
      values: [{ id: 'breaker', label: 'breaker' }],
      limits: [],
    },
  ],
};

/** Of 20 intervals: whole until 3 s, faulty until 7 s, whole again; refusals from 3 s until 8 s. */
function outageTimeline(random: () => number, lateSeconds: number): Timeline {
  const hurt = (at: number) => at >= 6 && at < 14;
  const each = <Value>(pick: (at: number) => Value): Value[] => Array.from({ length: 20 }, (_, at) => pick(at));
  const refused = (at: number) => (at >= 6 && at < 14 + 2 * lateSeconds ? 300 : 0);
  return {
    marks: [
      { atSeconds: 0, label: 'before', isFault: false },
      { atSeconds: 3 + 0.01 * random(), label: 'Redis SIGKILL', isFault: true },
      { atSeconds: 7 + 0.01 * random(), label: 'Redis is back', isFault: false },
    ],
    values: {
      served: each((at) => 600 - refused(at) - (at === 6 ? 60 : 0)),
      refused: each(refused),
      failed: each((at) => (at === 6 ? 60 : 0)),
      p99: each((at) => (hurt(at) ? 1.01 : 0.004) * (1 + 0.1 * random())),
      loads: each((at) => (hurt(at) ? 16 : 1)),
      backends: each((at) => (at === 8 ? null : hurt(at) ? 10 : 0)),
      breaker: each((at) => (at >= 7 && at < 14 ? 2 : at === 14 ? 1 : 0)),
    },
  };
}

/** As an experiment with two series and timelines would leave it: invented, healthy, seeded. */
export function syntheticTimelines(trials = 3): TrialsEvidence {
  const { run, trials: bare } = syntheticCrashes(trials);
  const random = createSeededRandom(7);
  const { values, ...experiment } = run.experiment;
  return {
    run: {
      ...run,
      experiment: {
        ...experiment,
        values: [...values, { id: 'capacity_per_second', label: 'Capacity', unit: '1/s', better: 'neither' }],
        timeline: inventedTimeline,
      },
    },
    trials: bare.map((trial): Trial => {
      const capacity = { capacity_per_second: 290 + trial.trial };
      return { ...trial, values: capacity, timeline: outageTimeline(random, trial.series === 'stream' ? 1 : 3) };
    }),
  };
}
