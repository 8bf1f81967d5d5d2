import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import { type FailureReason, failureReasons } from './failure.ts';

/** How a delivery ended. `not_mine`: somebody else has taken the entry over. */
const deliveryOutcomes = [
  'created',
  'already_done',
  'retried',
  'dead_lettered',
  'not_mine',
  'vanished',
  'handed_back',
] as const;
export type DeliveryOutcome = (typeof deliveryOutcomes)[number];

/** `paused`: the database is out of order. `healing`: the queue is, or was. */
const consumerStates = ['stopped', 'healing', 'reading', 'processing', 'paused'] as const;
export type ConsumerState = (typeof consumerStates)[number];

const publications = ['accepted', 'known', 'key-reused', 'under-way', 'refused'] as const;
export type Publication = (typeof publications)[number];

/** What stands in the queue now. */
export interface QueueDepth {
  /** Delivered to nobody yet. */
  readonly backlog: number;
  readonly pending: number;
  /** Since the oldest pending entry was accepted; 0 when nothing is pending. */
  readonly oldestPendingSeconds: number;
  /** The same of the oldest entry that is not settled, whether a consumer has it or nobody. */
  readonly oldestJobSeconds: number;
  readonly deadLetters: number;
  /** Whether the server's settings keep what a 202 promises; `undefined`: it does not tell. */
  readonly durable: boolean | undefined;
}

export interface SeatCreationMetrics {
  published(result: Publication): void;
  delivered(outcome: DeliveryOutcome, count?: number): void;
  claimed(entries: number): void;
  /** An entry that was pending and is not there. */
  vanished(entries: number): void;
  /** An attempt that failed and will be made again. */
  retried(reason: FailureReason): void;
  deadLettered(reason: FailureReason): void;
  paused(): void;
  groupMade(): void;
  slotLost(): void;
  seatsCreated(seats: number): void;
  /** Its seats are committed. The two instants may come from two machines' clocks. */
  completed(acceptedAt: string, committedAt: Date): void;
  consumerState(state: ConsumerState): void;
  /** Asked at every scrape. `undefined`: the queue did not answer, and its gauges are NaN. */
  watchQueue(read: () => Promise<QueueDepth | undefined>): void;
}

const completionBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];

export function createSeatCreationMetrics(registry: Registry): SeatCreationMetrics {
  const registers = [registry];
  const counter = (name: string, help: string) => new Counter({ name: `seat_creation_${name}`, help, registers });
  const labelled = <Label extends string>(name: string, help: string, label: string, values: readonly Label[]) => {
    const counts = new Counter({ name: `seat_creation_${name}`, help, labelNames: [label], registers });
    for (const value of values) counts.labels(value).inc(0);
    return (value: Label, count = 1) => counts.labels(value).inc(count);
  };
  const published = labelled(
    'publications_total',
    'Requests for seats, by what the queue said',
    'result',
    publications,
  );
  const delivered = labelled('deliveries_total', 'Deliveries, by how they ended', 'outcome', deliveryOutcomes);
  const retried = labelled('retries_total', 'Attempts that failed and are made again', 'reason', failureReasons);
  const deadLettered = labelled('dead_letters_total', 'Jobs given up, by reason', 'reason', failureReasons);
  const claims = counter('claims_total', 'Entries taken over from a consumer without a sign of life');
  const vanished = counter('vanished_entries_total', 'Pending entries that somebody has deleted: lost work');
  const pauses = counter('pauses_total', 'Waits because the database is out of order');
  const groups = counter('groups_made_total', 'Times that the group was not there');
  const slots = counter('slots_lost_total', 'Times that another process had taken the name of this consumer');
  const seats = counter('seats_created_total', 'Seats committed by this process');
  const completion = new Histogram({
    name: 'seat_creation_completion_seconds',
    help: 'From the acceptance of a job to the commit of its seats, by the clocks of both processes',
    buckets: completionBuckets,
    registers,
  });
  const state = new Gauge({
    name: 'seat_creation_consumer_state',
    help: '1 for the state that the consumer is in',
    labelNames: ['state'],
    registers,
  });
  const setState = (current: ConsumerState): void => {
    for (const known of consumerStates) state.labels(known).set(known === current ? 1 : 0);
  };
  setState('stopped');

  return {
    published,
    delivered,
    claimed: (entries) => claims.inc(entries),
    vanished: (entries) => vanished.inc(entries),
    retried,
    deadLettered,
    paused: () => pauses.inc(),
    groupMade: () => groups.inc(),
    slotLost: () => slots.inc(),
    seatsCreated: (count) => seats.inc(count),
    completed: (acceptedAt, committedAt) =>
      completion.observe(Math.max(0, (committedAt.getTime() - Date.parse(acceptedAt)) / 1_000)),
    consumerState: setState,
    watchQueue: (read) => watchQueue(read, registry),
  };
}

const depthGauges: readonly (readonly [keyof QueueDepth, name: string, help: string])[] = [
  ['backlog', 'backlog_jobs', 'Jobs that were delivered to nobody yet'],
  ['pending', 'pending_jobs', 'Jobs that a consumer has'],
  ['oldestPendingSeconds', 'oldest_pending_seconds', 'Since the oldest pending job was accepted'],
  ['oldestJobSeconds', 'oldest_job_seconds', 'Since the oldest job that is not settled was accepted'],
  ['deadLetters', 'dead_letters', 'Dead letters that nobody has replayed'],
  ['durable', 'queue_durable', "1 while the settings of the queue's Redis keep what is accepted, 0 while they do not"],
];

function watchQueue(read: () => Promise<QueueDepth | undefined>, registry: Registry): void {
  let asked: Promise<QueueDepth | undefined> | undefined;
  for (const [field, name, help] of depthGauges) {
    registry.registerMetric(
      new Gauge({
        name: `seat_creation_${name}`,
        help,
        registers: [],
        async collect() {
          // All gauges of one scrape share one answer.
          asked ??= read().finally(() => {
            asked = undefined;
          });
          this.set(Number((await asked)?.[field] ?? Number.NaN));
        },
      }),
    );
  }
}
