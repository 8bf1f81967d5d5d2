import { createSeededRandom } from '../analysis/seeded-random.ts';
import type { Series, SeriesComparison, Trial, TrialsEvidence, ValueDefinition } from '../evidence/trials-schema.ts';
import { syntheticEvidence } from './synthetic-evidence.ts';

interface InventedSeries extends Series {
  /** Of one healthy trial. */
  readonly outcome: (random: () => number) => Partial<Trial>;
}

interface InventedExperiment {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  readonly claim: string;
  readonly series: readonly InventedSeries[];
  readonly values?: readonly ValueDefinition[];
  readonly comparisons?: readonly SeriesComparison[];
  readonly profile?: 'quick' | 'full';
}

const seed = 20_261_124;

/** Invented evidence with the shape of a real run, for tests alone: healthy, seeded, no clock, no measurement. */
function inventedEvidence(experiment: InventedExperiment): TrialsEvidence {
  const { id, title, question, claim, values = [], comparisons = [], profile = 'full' } = experiment;
  const random = createSeededRandom(seed);
  const { schemaVersion, database, environment, fingerprint, provenance } = syntheticEvidence({ blocks: 1 }).run;
  let startSeconds = Date.UTC(2026, 10, 24, 12) / 1000;
  const trials = experiment.series.flatMap(({ id: series, trials: asked, outcome }) =>
    Array.from({ length: asked }, (_, index): Trial => {
      startSeconds += 31;
      const startedAt = new Date(startSeconds * 1000).toISOString();
      return completed({ series, trial: index + 1, startedAt, seconds: 29.5, ...outcome(random) });
    }),
  );
  return {
    run: {
      schemaVersion,
      kind: 'trials',
      id: `2026-11-24-${id}-invented`,
      experiment: {
        id,
        title,
        question,
        claim: { text: claim },
        series: experiment.series.map(({ outcome: _outcome, ...series }) => series),
        values: [...values],
        comparisons: [...comparisons],
        limits: ['Invented, for tests.', 'One machine, loopback.'],
      },
      profile: { name: profile },
      settings: { 'jobs of a trial': 400, 'seats of a job': 200, 'minimum idle time, ms': 15_000, driver: 'invented' },
      skipped: [],
      database,
      environment,
      seed,
      startedAt: '2026-11-24T12:00:00.000Z',
      endedAt: new Date(startSeconds * 1000).toISOString(),
      guards: [{ guard: 'commit', held: true, observed: '53c7904', limit: '53c7904' }],
      fingerprint,
      provenance: { ...provenance, command: `make bench EXPERIMENT=${id} PROFILE=${profile} SEED=${seed}` },
      files: {},
    },
    trials,
  };
}

/** What the outcome leaves open: one fault, 400 jobs, all that is neither lost nor dead-lettered is stored. */
function completed(trial: Pick<Trial, 'series' | 'trial' | 'startedAt' | 'seconds'> & Partial<Trial>): Trial {
  const { accepted = 400, lost = 0, deadLettered = 0 } = trial;
  return {
    faults: 1,
    idleFaults: 0,
    inFlight: 96,
    offered: accepted,
    accepted,
    stored: accepted - lost - deadLettered,
    deadLettered,
    lost,
    duplicates: 0,
    recoverySeconds: [],
    values: {},
    problems: [],
    ...trial,
  };
}

/** One promise beside the control that must lose, as in seat-creation-crash. */
export function syntheticCrashes(trials = 50): TrialsEvidence {
  return inventedEvidence({
    id: 'seat-creation-crash',
    title: 'Seat creation when the process is killed',
    question: 'A service has answered 202 and is killed with the work still to do: what becomes of the jobs?',
    claim: 'Through the Redis Stream every accepted job is stored exactly once; in the process, jobs are lost.',
    profile: trials < 50 ? 'quick' : 'full',
    series: [
      {
        id: 'async',
        label: 'in the process',
        how: 'SEAT_CREATION=async; SIGKILL at a random moment with work in flight; started again',
        mustHold: 'must lose accepted work, or the harness is blind',
        role: 'control',
        mayLose: false,
        trials,
        outcome: (random) => ({
          lost: random() < 0.1 ? 0 : Math.ceil(random() ** 2 * 120),
          idleFaults: random() < 0.05 ? 1 : 0,
        }),
      },
      {
        id: 'stream',
        label: 'Redis Stream',
        how: 'SEAT_CREATION=stream: the same process, load and kill; started again',
        mustHold: '0 lost, 0 duplicate, settled within 85 s',
        role: 'promise',
        mayLose: false,
        trials,
        outcome: (random) => ({ recoverySeconds: [15.4 + 2 * random()] }),
      },
    ],
  });
}

/** Measured series with a bounded ratio, as in seat-creation-scale. */
export function syntheticScale(rounds = 10, speedUp = 1.9): TrialsEvidence {
  const series = (workers: number, jobsPerSecond: number): InventedSeries => ({
    id: `workers-${workers}`,
    label: workers === 1 ? '1 worker' : `${workers} workers`,
    how: `ROLE=worker × ${workers}, 20 ms to the database, 400 jobs`,
    mustHold: '0 lost, 0 duplicate',
    role: 'measured',
    mayLose: false,
    trials: rounds,
    outcome: (random) => ({
      faults: 0,
      inFlight: 0,
      values: { jobs_per_second: jobsPerSecond * (0.96 + 0.08 * random()), p99_seconds: 0.02 * (1 + random()) },
    }),
  });
  return inventedEvidence({
    id: 'seat-creation-scale',
    title: 'Seat creation by 1, 2 and 4 workers',
    question: 'Does a second and a fourth worker make seats faster, and is any seat made twice?',
    claim: 'Two workers make at least 1.5 times the seats of one, and nothing is made twice.',
    series: [series(1, 310), series(2, 310 * speedUp), series(4, 310 * speedUp ** 1.8)],
    values: [
      { id: 'jobs_per_second', label: 'Jobs per second', unit: '1/s', better: 'higher' },
      { id: 'p99_seconds', label: 'Time to accept, p99', unit: 's', better: 'lower' },
    ],
    comparisons: [
      {
        value: 'jobs_per_second',
        numerator: 'workers-2',
        denominator: 'workers-1',
        bound: { relation: 'at-least', ratio: 1.5 },
      },
      { value: 'jobs_per_second', numerator: 'workers-4', denominator: 'workers-1' },
    ],
  });
}

/** Many series, as in the fault suite: promises of several kinds, one whose fault deletes jobs, controls. */
export function syntheticFaultSuite(): TrialsEvidence {
  const promise = (id: string, own: Partial<InventedSeries>): InventedSeries => ({
    id,
    label: id.replaceAll('-', ' '),
    how: 'invented',
    mustHold: '0 lost, 0 duplicate',
    role: 'promise',
    mayLose: false,
    trials: 3,
    outcome: (random) => ({ recoverySeconds: [0.2 + 40 * random() ** 4] }),
    ...own,
  });
  const control = (id: string, outcome: InventedSeries['outcome']): InventedSeries =>
    promise(id, { role: 'control', mustHold: 'must fail, or the harness is blind', trials: 2, outcome });
  return inventedEvidence({
    id: 'faults',
    title: 'Seat creation under every fault',
    question: 'Which fault loses accepted work or does it twice?',
    claim: 'None: every accepted job ends exactly once in the database, or in the dead letters with its reason.',
    profile: 'quick',
    series: [
      promise('consumer-sigkill', {
        label: 'consumer SIGKILL',
        how: '3 consumers, one at random killed every 200 to 800 ms under load',
        trials: 1,
        outcome: () => ({
          faults: 10,
          accepted: 5000,
          inFlight: 1712,
          recoverySeconds: [15.25, 15.75, 16, 15.5, 15.5, 16.5, 15.75, 15, 16, 16.75],
        }),
      }),
      promise('crash-after-commit', { label: 'crash after the commit', how: 'SIGKILL between commit and acknowledge' }),
      promise('redis-sigkill', { label: 'Redis SIGKILL', how: 'killed and started again under load' }),
      promise('power-cut', { label: 'power cut of Redis', how: 'the AOF cut to its last completed fdatasync' }),
      promise('database-frozen', {
        label: 'database frozen',
        how: 'SIGSTOP for 5 s',
        outcome: () => ({ recoverySeconds: [0.31] }),
      }),
      promise('database-disk-full', { label: 'database disk full', how: 'its file system filled for 5 s' }),
      promise('reply-lost', {
        label: 'reply lost',
        how: 'a proxy drops 10 % of the replies; clients retry',
        trials: 1,
        outcome: () => ({ faults: 97, accepted: 1000 }),
      }),
      promise('poison', {
        how: '1 % garbage, 1 % wrong schema, 1 % unknown hall, 0.1 % lethal',
        mustHold: 'all dead letters with the right reason; the good ones stored',
        trials: 1,
        outcome: () => ({ faults: 31, accepted: 1000, deadLettered: 31 }),
      }),
      promise('flushall', {
        label: 'FLUSHALL',
        how: 'at random, under load',
        mustHold: 'consumers come back by themselves; what was lost is counted',
        mayLose: true,
        outcome: (random) => ({ lost: Math.ceil(80 * random()), recoverySeconds: [0.9] }),
      }),
      promise('zombie', { how: 'SIGSTOP for 3 × min-idle in mid-batch, another takes over, SIGCONT' }),
      control('everysec', (random) => ({ lost: 40 + Math.ceil(300 * random()) })),
      control('early-acknowledgement', () => ({ lost: 7 })),
      control('bare-heartbeat', () => ({ problems: ['a bare heartbeat stole back 3 of 12 entries'] })),
    ],
  });
}

/** Reads during an outage, as in cache-outage: two promises, two controls, values of each. */
export function syntheticReads(): TrialsEvidence {
  const reads = (id: string, refused: number, own: Partial<InventedSeries> = {}): InventedSeries => ({
    id,
    label: id.replaceAll('-', ' '),
    how: 'the cache is killed for 5 s',
    mustHold: 'answered, or 503',
    role: 'promise',
    subject: 'reads',
    mayLose: false,
    trials: 2,
    outcome: (random) => ({
      accepted: 0,
      inFlight: 0,
      recoverySeconds: [1 + random()],
      reads: { asked: 100, answered: 100 - refused, refused, wrong: 0, stale: 0, slowestSeconds: 0.5 },
      values: { loads_largest: 8, p99_seconds: 0.1 * (1 + random()) },
    }),
    ...own,
  });
  const control = (id: string, outcome: InventedSeries['outcome'], mustShow: Series['mustShow']): InventedSeries =>
    reads(id, 0, { label: `control: ${id}`, role: 'control', mustShow, outcome });
  const failing = { asked: 100, answered: 90, refused: 0, wrong: 10, stale: 0, slowestSeconds: 3 };
  return inventedEvidence({
    id: 'cache-outage',
    title: 'Reads while the cache is out',
    question: 'What do readers see?',
    claim: 'Every read is answered, or refused in order.',
    series: [
      reads('within-capacity', 0),
      reads('beyond-capacity', 25),
      control('patient', () => ({ accepted: 0, inFlight: 0, reads: failing, values: {} }), 'wrong'),
      control(
        'unlimited',
        () => ({
          accepted: 0,
          inFlight: 0,
          reads: { ...failing, answered: 100, wrong: 0 },
          values: { loads_largest: 34 },
          problems: ['34 loads in flight, where the limit is 8'],
        }),
        { problem: 'loads in flight' },
      ),
    ],
    values: [
      { id: 'loads_largest', label: 'Most loads in flight', unit: '', better: 'lower' },
      { id: 'p99_seconds', label: 'p99 of the answered', unit: 's', better: 'lower' },
    ],
  });
}
