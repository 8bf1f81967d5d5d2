import { chosen, type DashboardDefinition, perSecond, quantile } from './panel.ts';

const workers = `${chosen}, role=~"worker|all"`;

/** What waits, what was given up, and what the consumers cost. */
export const seatCreation: DashboardDefinition = {
  id: 'seat-creation',
  title: 'Ticketing: seat creation',
  description: 'Do accepted jobs end soon? What waits, what was given up, and what the consumers of the stream cost.',
  rows: [
    {
      title: 'From acceptance to commit',
      panels: [
        {
          title: 'Requests for seats',
          description: 'What the queue said. refused: it was full or out of reach, and clients send again.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (result) (${perSecond('seat_creation_publications_total')})`,
              legend: '{{result}}',
              moves: 'seat-creation',
            },
          ],
        },
        {
          title: 'Deliveries by their end',
          description: 'not_mine and already_done are redeliveries after a crash: harmless. vanished is lost work.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (outcome) (${perSecond('seat_creation_deliveries_total')})`,
              legend: '{{outcome}}',
              moves: 'seat-creation',
            },
          ],
        },
        {
          title: 'Seats created',
          description: 'Committed seats a second.',
          unit: 'ops',
          queries: [
            { expr: `sum(${perSecond('seat_creation_seats_created_total')})`, legend: 'seats', moves: 'seat-creation' },
          ],
        },
        {
          title: 'Jobs that wait',
          description: 'backlog: nobody has them yet; add workers. pending: a consumer has them.',
          unit: 'short',
          queries: [
            { expr: `max(seat_creation_backlog_jobs{${chosen}})`, legend: 'backlog', moves: 'consumer-frozen' },
            { expr: `max(seat_creation_pending_jobs{${chosen}})`, legend: 'pending', moves: 'consumer-frozen' },
          ],
        },
        {
          title: 'Lag: age of the oldest job',
          description:
            'Of all that is not settled, and of what a consumer has. The second alone rising: that consumer hangs.',
          unit: 's',
          queries: [
            {
              expr: `max(seat_creation_oldest_job_seconds{${chosen}})`,
              legend: 'not settled',
              moves: 'consumer-frozen',
            },
            {
              expr: `max(seat_creation_oldest_pending_seconds{${chosen}})`,
              legend: 'pending',
              moves: 'consumer-frozen',
            },
          ],
        },
        {
          title: 'From acceptance to commit',
          description: 'What a client waits for. Freshness is promised within a minute.',
          unit: 's',
          queries: [0.5, 0.95, 0.99].map((share) => ({
            expr: quantile(share, 'seat_creation_completion_seconds'),
            legend: `p${share * 100}`,
            moves: 'consumer-frozen' as const,
          })),
        },
      ],
    },
    {
      title: 'What goes wrong',
      panels: [
        {
          title: 'Dead letters',
          description: 'Jobs given up that nobody has replayed: look at GET /dead-letters, mend the cause, replay.',
          unit: 'short',
          queries: [
            { expr: `max(seat_creation_dead_letters{${chosen}})`, legend: 'waiting', moves: 'dead-letters' },
            {
              expr: `sum by (reason) (increase(seat_creation_dead_letters_total{${chosen}}[$__rate_interval])) > 0`,
              legend: 'given up: {{reason}}',
              moves: 'dead-letters',
            },
          ],
        },
        {
          title: 'Attempts that failed',
          description: 'They are made again with a backoff; after the last one the job is a dead letter.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (reason) (${perSecond('seat_creation_retries_total')})`,
              legend: '{{reason}}',
              moves: 'dead-letters',
            },
          ],
        },
        {
          title: 'Pauses for the database',
          description: 'Consumers wait for a database that is out of order, and count no attempt.',
          unit: 'ops',
          queries: [
            { expr: `sum(${perSecond('seat_creation_pauses_total')})`, legend: 'pauses', moves: 'database-outage' },
          ],
        },
        {
          title: 'Repairs',
          description:
            'Entries taken from a silent consumer, groups and names made again, and pending entries that somebody deleted.',
          unit: 'short',
          queries: [
            {
              expr: `sum(increase(seat_creation_claims_total{${chosen}}[$__rate_interval]))`,
              legend: 'claimed',
              moves: 'consumer-killed',
            },
            {
              expr: `sum(increase(seat_creation_groups_made_total{${chosen}}[$__rate_interval]))`,
              legend: 'groups made',
              moves: { stands: 'nobody destroys the group in the run' },
            },
            {
              expr: `sum(increase(seat_creation_slots_lost_total{${chosen}}[$__rate_interval]))`,
              legend: 'names lost',
              moves: { stands: 'it needs a new consumer that takes the name of one that is stopped' },
            },
            {
              expr: `sum(increase(seat_creation_vanished_entries_total{${chosen}}[$__rate_interval]))`,
              legend: 'vanished',
              moves: 'work-deleted',
            },
          ],
        },
        {
          title: 'Consumers by state',
          description: 'paused: the database is out of order. healing: the queue is. stopped: it takes nothing.',
          unit: 'short',
          queries: [
            {
              expr: `sum by (state) (seat_creation_consumer_state{${workers}})`,
              legend: '{{state}}',
              moves: 'database-outage',
            },
          ],
        },
        {
          title: 'Queue keeps what it accepts',
          description: 'Only 1 is good: at 0 the settings of the queue’s Redis break what a 202 promises.',
          unit: 'short',
          queries: [
            { expr: `min(seat_creation_queue_durable{${chosen}})`, legend: 'durable', moves: 'queue-not-durable' },
            {
              expr: 'redis_aof_enabled{server="queue"}',
              legend: 'append-only file',
              moves: { stands: 'it stays on in the run: only its fsync is changed' },
            },
          ],
        },
      ],
    },
    {
      title: 'What the consumers cost',
      panels: [
        {
          title: 'CPU of the consumers',
          description: 'Cores of each worker. Near 1: it is its event loop that limits, add a worker.',
          unit: 'short',
          queries: [
            {
              expr: `rate(process_cpu_seconds_total{${workers}}[$__rate_interval])`,
              legend: '{{instance}}',
              moves: 'seat-creation',
            },
          ],
        },
        {
          title: 'CPU for each 1,000 seats',
          description: 'Seconds of the consumers: the price of the work, whatever the rate.',
          unit: 's',
          queries: [
            {
              expr: `1000 * sum(rate(process_cpu_seconds_total{${workers}}[$__rate_interval])) / (sum(rate(seat_creation_seats_created_total{${workers}}[$__rate_interval])) > 0)`,
              legend: 'CPU',
              moves: 'seat-creation',
            },
          ],
        },
        {
          title: 'Memory of the consumers',
          description: 'Resident. It does not grow with the backlog: jobs wait in Redis.',
          unit: 'bytes',
          queries: [
            { expr: `process_resident_memory_bytes{${workers}}`, legend: '{{instance}}', moves: 'seat-creation' },
            {
              expr: `nodejs_heap_size_used_bytes{${workers}}`,
              legend: 'heap of {{instance}}',
              moves: { varies: 'seat-creation', because: 'it fills and is collected while all is quiet, too' },
            },
          ],
        },
        {
          title: 'Event loop of the consumers',
          description: 'p99 delay. A heartbeat that is late costs the consumer its entries.',
          unit: 's',
          queries: [
            {
              expr: `nodejs_eventloop_lag_p99_seconds{${workers}}`,
              legend: '{{instance}}',
              moves: { varies: 'seat-creation', because: 'now and then a quiet second is as late as a busy one' },
            },
          ],
        },
        {
          title: 'Redis of the queue: memory',
          description: 'Grows with the backlog. noeviction: when it is full, nothing is accepted.',
          unit: 'bytes',
          queries: [{ expr: 'redis_memory_used_bytes{server="queue"}', legend: 'used', moves: 'seat-creation' }],
        },
        {
          title: 'Redis of the queue: commands',
          description: 'Publishing, reading, heartbeats, acknowledgements.',
          unit: 'ops',
          queries: [
            {
              expr: 'rate(redis_commands_processed_total{server="queue"}[$__rate_interval])',
              legend: 'commands',
              moves: 'seat-creation',
            },
            {
              expr: 'redis_connected_clients{server="queue"}',
              legend: 'connections',
              moves: 'consumer-killed',
            },
          ],
        },
      ],
    },
  ],
};
