import { chosen, type DashboardDefinition, perSecond, quantile } from './panel.ts';

/** Is the pool exhausted and why; which query is slow; what the cache does. */
export const dataLayer: DashboardDefinition = {
  id: 'data-layer',
  title: 'Ticketing: data layer',
  description: 'Is the pool exhausted, and who holds it? Which query is slow? Does the cache take the reads?',
  rows: [
    {
      title: 'Connection pool',
      panels: [
        {
          title: 'Connections',
          description:
            'Lent (active) and at rest (idle), by pool. No idle one and callers that wait: the pool is exhausted.',
          unit: 'short',
          queries: [
            {
              expr: `sum by (pool, state) (database_pool_connections{${chosen}})`,
              legend: '{{pool}} {{state}}',
              moves: 'pool-held',
            },
          ],
        },
        {
          title: 'Callers that wait',
          description: 'Anything above 0 for long is the reason of slow requests: see who holds the connections.',
          unit: 'short',
          queries: [
            { expr: `sum by (pool) (database_pool_pending{${chosen}})`, legend: '{{pool}}', moves: 'pool-held' },
          ],
        },
        {
          title: 'Gave up waiting',
          description: 'Callers that got no connection within DATABASE_ACQUIRE_TIMEOUT_MS and were answered 503.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (pool) (${perSecond('database_pool_timeouts_total')})`,
              legend: '{{pool}}',
              moves: 'pool-held',
            },
          ],
        },
        {
          title: 'Wait for a connection',
          description: 'From asking to getting, timeouts included. Microseconds while the pool is large enough.',
          unit: 's',
          queries: [
            {
              expr: quantile(0.5, 'database_pool_acquire_seconds', ['pool']),
              legend: 'p50, {{pool}}',
              moves: 'pool-held',
            },
            {
              expr: quantile(0.99, 'database_pool_acquire_seconds', ['pool']),
              legend: 'p99, {{pool}}',
              moves: 'pool-held',
            },
          ],
        },
        {
          title: 'Time a connection is kept',
          description:
            'From getting to giving back. Long with fast queries: something else is waited for while it is held.',
          unit: 's',
          queries: [
            {
              expr: quantile(0.5, 'database_pool_usage_seconds', ['pool']),
              legend: 'p50, {{pool}}',
              moves: 'pool-held',
            },
            {
              expr: quantile(0.99, 'database_pool_usage_seconds', ['pool']),
              legend: 'p99, {{pool}}',
              moves: 'pool-held',
            },
          ],
        },
        {
          title: 'Who holds the connections',
          description:
            'Connections held by each transaction or single query on average, while it runs statements, and while it does something else (idle). Idle time in a transaction is what exhausts pools.',
          unit: 'short',
          stacked: true,
          queries: [
            {
              expr: `topk(10, sum by (owner, activity) (${perSecond('database_connection_held_seconds_total')}) > 0)`,
              legend: '{{owner}} {{activity}}',
              moves: 'pool-held',
            },
          ],
        },
      ],
    },
    {
      title: 'Queries by name',
      panels: [
        {
          title: 'Slowest statements, p95',
          description: 'Without the wait for a connection. The name is in query-name.ts, the slow ones are in the log.',
          unit: 's',
          width: 12,
          queries: [
            {
              expr: `topk(10, ${quantile(0.95, 'database_query_seconds', ['query'])} > 0)`,
              legend: '{{query}}',
              moves: 'pool-held',
            },
          ],
        },
        {
          title: 'Where the time goes',
          description: 'Seconds a second that each statement takes: a fast one that is called often may cost the most.',
          unit: 'short',
          width: 12,
          stacked: true,
          queries: [
            {
              expr: `sum by (query) (${perSecond('database_query_seconds_sum')}) > 0`,
              legend: '{{query}}',
              moves: 'writes',
            },
          ],
        },
        {
          title: 'Statements by name',
          description: 'Calls a second. Against the requests: how many statements a request costs.',
          unit: 'ops',
          width: 12,
          queries: [
            {
              expr: `sum by (query) (${perSecond('database_query_seconds_count')}) > 0`,
              legend: '{{query}}',
              moves: 'writes',
            },
          ],
        },
        {
          title: 'Statements for each request',
          description: 'A step up after a deploy is an N+1; with the cache it is near 0.',
          unit: 'short',
          width: 12,
          queries: [
            {
              expr: `sum(${perSecond('database_query_seconds_count')}) / (sum(${perSecond('http_server_request_duration_seconds_count')}) > 0)`,
              legend: 'statements',
              moves: 'reads',
            },
          ],
        },
      ],
    },
    {
      title: 'PostgreSQL',
      panels: [
        {
          title: 'Transactions',
          description: 'Of the service’s database. Rollbacks beside few commits: conflicts or failing statements.',
          unit: 'ops',
          queries: [
            {
              expr: 'sum(rate(pg_stat_database_xact_commit{datname="ticketing"}[$__rate_interval]))',
              legend: 'commits',
              moves: 'writes',
            },
            {
              expr: 'sum(rate(pg_stat_database_xact_rollback{datname="ticketing"}[$__rate_interval]))',
              legend: 'rollbacks',
              moves: 'pool-held',
            },
          ],
        },
        {
          title: 'Sessions by state',
          description: 'Idle in transaction for long: somebody holds locks and does nothing.',
          unit: 'short',
          queries: [
            {
              expr: 'sum by (state) (pg_stat_activity_count{datname="ticketing"})',
              legend: '{{state}}',
              moves: 'pool-held',
            },
          ],
        },
        {
          title: 'Blocks read',
          description:
            'From PostgreSQL’s memory and from outside it. Reads from outside beside few from memory: shared_buffers is small.',
          unit: 'ops',
          queries: [
            {
              expr: 'sum(rate(pg_stat_database_blks_hit{datname="ticketing"}[$__rate_interval]))',
              legend: 'in memory',
              moves: 'writes',
            },
            {
              expr: 'sum(rate(pg_stat_database_blks_read{datname="ticketing"}[$__rate_interval]))',
              legend: 'from outside',
              moves: 'database-outage',
            },
          ],
        },
      ],
    },
    {
      title: 'Look-aside cache',
      panels: [
        {
          title: 'Reads by what answered them',
          description: 'bypass: the database serves because the cache is off or out of reach. error: nobody could.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (result) (${perSecond('performance_cache_requests_total')})`,
              legend: '{{result}}',
              moves: 'cache-outage',
            },
          ],
        },
        {
          title: 'Hit ratio',
          description: 'Low after a restart of the cache, and while it is bypassed.',
          unit: 'percentunit',
          queries: [
            {
              expr: `sum by (kind) (${perSecond('performance_cache_requests_total', `${chosen}, result=~"hit|negative"`)}) / (sum by (kind) (${perSecond('performance_cache_requests_total')}) > 0)`,
              legend: '{{kind}}',
              moves: 'reads',
            },
          ],
        },
        {
          title: 'Breaker',
          description:
            'open: Redis is not asked. half-open: one read tries it. closed: all is well, or the cache is off.',
          unit: 'short',
          queries: [
            {
              expr: `max by (state) (performance_cache_breaker_state{${chosen}})`,
              legend: '{{state}}',
              moves: 'cache-outage',
            },
          ],
        },
        {
          title: 'Loads from the database',
          description:
            'How long a miss takes, and how many are under way: PERFORMANCE_CACHE_MAX_LOADS_IN_FLIGHT at most.',
          unit: 's',
          queries: [{ expr: quantile(0.95, 'performance_cache_load_seconds'), legend: 'p95', moves: 'pool-held' }],
        },
        {
          title: 'Loads in flight',
          description: 'At its limit, further misses wait, and are turned away in the end.',
          unit: 'short',
          queries: [
            {
              expr: `sum by (instance) (performance_cache_loads_in_flight{${chosen}})`,
              legend: '{{instance}}',
              moves: 'pool-held',
            },
          ],
        },
        {
          title: 'What went wrong at the cache',
          description:
            'Waits for another process’s load, values that were not stored, reads turned away, invalidations that did not arrive.',
          unit: 'ops',
          queries: [
            {
              expr: `sum(${perSecond('performance_cache_overloads_total')})`,
              legend: 'turned away',
              moves: 'pool-held',
            },
            {
              expr: `sum(${perSecond('performance_cache_invalidation_failures_total')})`,
              legend: 'invalidations lost',
              moves: 'cache-outage',
            },
            {
              expr: `sum by (reason) (${perSecond('performance_cache_refused_sets_total')})`,
              legend: 'not stored: {{reason}}',
              moves: 'cache-full',
            },
            {
              expr: `sum(${perSecond('performance_cache_lease_waits_total')})`,
              legend: 'lease waits',
              moves: { stands: 'one process of the API: nobody else loads' },
            },
          ],
        },
        {
          title: 'Redis of the cache: memory',
          description: 'At its maxmemory it evicts what is asked for least often, which is as it should be.',
          unit: 'bytes',
          queries: [{ expr: 'redis_memory_used_bytes{server="cache"}', legend: 'used', moves: 'reads' }],
        },
        {
          title: 'Redis of the cache: keys',
          description: 'Keys that were asked for and there or not, and those evicted or expired.',
          unit: 'ops',
          queries: [
            {
              expr: 'rate(redis_keyspace_hits_total{server="cache"}[$__rate_interval])',
              legend: 'there',
              moves: 'reads',
            },
            {
              expr: 'rate(redis_keyspace_misses_total{server="cache"}[$__rate_interval])',
              legend: 'not there',
              moves: 'reads',
            },
            {
              expr: 'rate(redis_expired_keys_total{server="cache"}[$__rate_interval])',
              legend: 'expired',
              moves: 'reads',
            },
            {
              expr: 'rate(redis_evicted_keys_total{server="cache"}[$__rate_interval])',
              legend: 'evicted',
              moves: 'cache-full',
            },
          ],
        },
        {
          title: 'Redis of the cache: commands',
          description: 'One a read on a hit, a few more on a miss.',
          unit: 'ops',
          queries: [
            {
              expr: 'rate(redis_commands_processed_total{server="cache"}[$__rate_interval])',
              legend: 'commands',
              moves: 'reads',
            },
            {
              expr: 'redis_connected_clients{server="cache"}',
              legend: 'connections',
              moves: { stands: 'each process has one connection' },
            },
          ],
        },
      ],
    },
  ],
};
