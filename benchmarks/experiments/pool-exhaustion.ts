import { phaseSeconds, poolSeries, poolSettings } from '../faults/pool-exhaustion/pool-cases.ts';
import { answerValues, latencyValues, statementsPanel } from '../faults/reads-timeline.ts';
import type { TimelineDefinition } from '../evidence/timeline-schema.ts';
import type { SeriesComparison } from '../evidence/trials-schema.ts';
import type { TrialExperiment } from '../protocol/trial-experiment.ts';

const { poolSize } = poolSettings;

const timeline: TimelineDefinition = {
  intervalSeconds: poolSettings.intervalSeconds,
  panels: [
    {
      id: 'answers',
      label: 'Main pages asked for',
      unit: '1/s',
      form: 'stacked',
      values: answerValues,
      limits: [],
    },
    {
      id: 'time_to_answer',
      label: 'Time to a 200',
      unit: 's',
      form: 'lines',
      values: latencyValues,
      limits: [],
    },
    {
      id: 'connections',
      label: 'Connections',
      unit: '',
      form: 'lines',
      values: [
        { id: 'pool_active', label: 'lent' },
        { id: 'backends_idle_in_transaction', label: 'idle in transaction' },
        { id: 'active_backends', label: 'active' },
      ],
      limits: [{ label: 'size of the pool', at: poolSize }],
    },
    {
      id: 'pending',
      label: 'Waiting for a connection',
      unit: '',
      form: 'lines',
      values: [{ id: 'pool_pending', label: 'callers' }],
      limits: [],
    },
    {
      id: 'acquire',
      label: 'Wait for a connection, mean',
      unit: 's',
      form: 'lines',
      values: [{ id: 'acquire_mean_seconds', label: 'mean' }],
      limits: [{ label: 'given up', at: poolSettings.acquireTimeoutMs / 1_000 }],
    },
    statementsPanel,
    {
      id: 'database',
      label: 'CPU of the database',
      unit: 'cores',
      form: 'lines',
      values: [{ id: 'database_cores', label: 'cores' }],
      limits: [],
    },
  ],
};

const pairs = [
  { problem: 'held-transaction', remedy: 'call-after-commit' },
  { problem: 'n-plus-one', remedy: 'one-query' },
] as const;

const comparisons: readonly SeriesComparison[] = pairs.map(({ problem, remedy }) => ({
  value: 'page_p99_seconds',
  numerator: problem,
  denominator: remedy,
}));

export const experiment: TrialExperiment = {
  protocol: 'trials',
  id: 'pool-exhaustion',
  title: 'An exhausted connection pool: found, explained, mended',
  question:
    'The service refuses requests while its database is hardly busy. What holds the connections, and does the remedy help under the very same load?',
  claim: {
    text: 'With the remedy no request is refused and 99 of 100 callers have a connection within 50 ms, under the load that exhausts the pool without it: a call moved behind the commit, a page in one query.',
  },
  order: 'interleaved',
  series: poolSeries,
  values: [
    { id: 'served_per_second', label: 'Requests served', unit: '1/s', better: 'higher' },
    { id: 'page_p99_seconds', label: 'Time to the answer of a main page, p99', unit: 's', better: 'lower' },
    { id: 'acquire_p99_seconds', label: 'Wait for a connection, p99', unit: 's', better: 'lower' },
    { id: 'largest_pending', label: 'Callers that waited at once, at most', unit: '', better: 'lower' },
    { id: 'statements_per_served', label: 'Statements per request that was served', unit: '', better: 'lower' },
    { id: 'database_cores', label: 'CPU of the database', unit: 'cores', better: 'lower' },
    { id: 'late_p99_seconds', label: 'Lateness of the load generator, p99', unit: 's', better: 'lower' },
    {
      id: 'repeated_attempts',
      label: 'Attempts thrown away (generator late, or not observed)',
      unit: '',
      better: 'lower',
    },
  ],
  comparisons,
  timeline,
  limits: [
    'What is measured is of the fault alone: from the moment that the partner slows down, or traffic rises, to its end. Requests count by when they were due, a 503 is an answer as well.',
    'The network between service and database is declared: a TCP proxy holds every chunk for 2 ms in each direction, rounded up to the millisecond. Without a distance the N + 1 costs CPU before it costs connections.',
    'The wait for a connection at p99 is the upper end of its bucket in the service’s histogram; the mean of the timeline is exact.',
    'A call after the commit is lost with a process that dies in between: where that matters, what is to be told belongs into the transaction (an outbox, or a stream as in seat creation), and the call still does not.',
    'Connections lent are the service’s own count; idle in transaction and active are what PostgreSQL sees of them.',
    'Readings of the timeline are of the end of each second: what is shorter is not seen there, and the largest number of callers that waited is the largest that was seen.',
    'The cache is off: with it, most main pages would need no connection at all. One process of the service, one machine, loopback; the generator and the proxy run in the lab’s own process, and how late it was is printed.',
  ],
  settings: () => ({
    'connections of the pool': poolSize,
    'acquire timeout, ms': poolSettings.acquireTimeoutMs,
    'network in each direction, ms': 1_000 * poolSettings.networkSeconds,
    'main pages a second': poolSettings.pagesPerSecond,
    'main pages a second before and after, N + 1': poolSettings.quietPagesPerSecond,
    'rows of a page': poolSettings.rowsOfPage,
    'changes a second': poolSettings.changesPerSecond,
    'partner, ms': 1_000 * poolSettings.partnerSeconds,
    'slow partner, ms': 1_000 * poolSettings.slowPartnerSeconds,
    performances: poolSettings.performances,
    'before, fault, after, s': Object.values(phaseSeconds).join(', '),
  }),
};
