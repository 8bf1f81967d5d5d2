import type { SeatCreationFailure } from '../../src/seat-creation/failure.ts';
import type { SeatCreationJob } from '../../src/seat-creation/job.ts';
import type {
  CreateSeatsOutcome,
  JobResult,
  RecordedOperation,
  SeatCreationStore,
} from '../../src/seat-creation/seat-creation-store.ts';

const missingFrom = 900_000;

export interface MemoryStore extends SeatCreationStore {
  /** How often seats were created for a target: more than once is a duplicate. */
  readonly created: ReadonlyMap<string, number>;
  /** Every transaction that was begun, as the ids of its targets. */
  readonly transactions: readonly (readonly number[])[];
  /** What the next transactions answer instead of their own. */
  readonly answers: (CreateSeatsOutcome | ((jobs: readonly SeatCreationJob[]) => Promise<CreateSeatsOutcome>))[];
  failures(operationId: string): number;
  /** Runs before each commit. */
  beforeCommit: (jobs: readonly SeatCreationJob[]) => Promise<void>;
}

export const outage: CreateSeatsOutcome = {
  outcome: 'failed',
  failure: { kind: 'transient', reason: 'database-unavailable', message: 'the database is down' },
  cause: new Error('down'),
};

/** The port's rules in memory, so that a test can stop at any point: halls from 900,000 on are not there. */
export function createMemoryStore(): MemoryStore {
  const done = new Map<string, { readonly job: SeatCreationJob; readonly seats: number }>();
  const failing = new Map<
    string,
    { job: SeatCreationJob; attempts: number; failure: SeatCreationFailure; at: string }
  >();
  const created = new Map<string, number>();
  const transactions: (readonly number[])[] = [];
  const answers: MemoryStore['answers'] = [];
  const nameOf = ({ target }: SeatCreationJob): string => `${target.kind}:${target.id}`;

  function decide(job: SeatCreationJob): JobResult {
    const changed = [{ performanceId: job.target.id, genres: ['play' as const] }];
    if (done.has(job.operationId)) return { result: 'already-done', seats: 10, changed };
    const refuse = (reason: SeatCreationFailure['reason'], message: string): JobResult => ({
      result: 'refused',
      failure: { kind: 'permanent', reason, message },
    });
    if (job.target.id >= missingFrom) return refuse('hall-not-found', `there is no hall ${job.target.id}`);
    const holder = [...done.values()].find((other) => nameOf(other.job) === nameOf(job));
    if (holder) return refuse('seats-exist', `hall ${job.target.id} has its seats`);
    done.set(job.operationId, { job, seats: 10 });
    created.set(nameOf(job), (created.get(nameOf(job)) ?? 0) + 1);
    return { result: 'created', seats: 10, changed };
  }

  const store: MemoryStore = {
    created,
    transactions,
    answers,
    failures: (operationId) => failing.get(operationId)?.attempts ?? 0,
    beforeCommit: () => Promise.resolve(),
    async createSeats(jobs) {
      transactions.push(jobs.map(({ target }) => target.id));
      const answer = answers.shift();
      if (answer) return typeof answer === 'function' ? answer(jobs) : answer;
      await store.beforeCommit(jobs);
      return { outcome: 'committed', results: jobs.map(decide) };
    },
    recordFailure(job, failure, { failedAt }) {
      const known = failing.get(job.operationId);
      const attempts = known?.job.replays === job.replays ? known.attempts + 1 : 1;
      failing.set(job.operationId, { job, attempts, failure, at: failedAt });
      return Promise.resolve({ failedAttempts: attempts });
    },
    findOperation(operationId): Promise<RecordedOperation | undefined> {
      const finished = done.get(operationId);
      const failed = failing.get(operationId);
      const job = finished?.job ?? failed?.job;
      if (!job) return Promise.resolve(undefined);
      const common = {
        operationId,
        target: job.target,
        acceptedAt: job.acceptedAt,
        failedAttempts: failed?.attempts ?? 0,
      };
      if (finished) {
        return Promise.resolve({ ...common, state: { name: 'done', seats: finished.seats, doneAt: job.acceptedAt } });
      }
      if (!failed) return Promise.resolve(undefined);
      const { failure, at } = failed;
      return Promise.resolve({ ...common, state: { name: 'failing', failure, failedAt: at, isFinal: false } });
    },
    findByIdempotencyKey(key) {
      const jobs = [...done.values(), ...failing.values()].map(({ job }) => job);
      const found = jobs.find(
        ({ idempotencyKey }) => idempotencyKey?.scope === key.scope && idempotencyKey.key === key.key,
      );
      return Promise.resolve(found && { operationId: found.operationId, target: found.target });
    },
    findTarget({ kind, id }) {
      if (id >= missingFrom) return Promise.resolve({ exists: false });
      const holder = [...done.values()].find(({ job }) => nameOf(job) === `${kind}:${id}`);
      return Promise.resolve({ exists: true, plannedSeats: 10, doneBy: holder?.job.operationId });
    },
    listHallSeats: () => Promise.resolve([]),
    listShowtimeSeats: () => Promise.resolve([]),
  };
  return store;
}
