/** Everything that a window is known by, with its unit. The load adds what the generator saw. */
export const rawMetricUnits = {
  window_seconds: 'seconds',
  /** How far the wall clock ran from the monotonic one; away from 0 somebody set it. */
  clock_step_seconds: 'seconds',

  database_cpu_seconds: 'seconds',
  database_cpu_seconds_second_source: 'seconds',
  /** Without the database's threads when the database is embedded. */
  service_cpu_seconds: 'seconds',
  /** Of all workers together, without the database's threads as well; 0 for a variant without workers. */
  worker_cpu_seconds: 'seconds',
  redis_cache_cpu_seconds: 'seconds',
  redis_queue_cpu_seconds: 'seconds',
  generator_cpu_seconds: 'seconds',
  /** The lab itself and what else it started, such as the other variant; with containers the engine and its helpers. */
  lab_cpu_seconds: 'seconds',
  /** Every process that the lab did not start. */
  other_cpu_seconds: 'seconds',

  /** What all CPUs had to give: their number × the seconds of the monotonic clock. */
  machine_cpu_seconds: 'seconds',
  /** What /proc/stat says that they did, idle and stolen time included: a little less than they had, see machine.ts. */
  proc_stat_cpu_seconds: 'seconds',
  /** Of all CPUs together: what nobody used, and what the hypervisor gave to others. */
  idle_cpu_seconds: 'seconds',
  steal_cpu_seconds: 'seconds',
  /** Time in which at least one runnable task waited for a CPU. */
  cpu_pressure_seconds: 'seconds',

  database_resident_bytes: 'bytes',
  service_resident_bytes: 'bytes',
  worker_resident_bytes: 'bytes',
  redis_cache_resident_bytes: 'bytes',
  redis_queue_resident_bytes: 'bytes',

  /** Executed for the service's role, transaction control included. */
  database_statements: 'statements',
  /** Found in shared buffers or read into them. */
  database_shared_buffers: 'buffers',

  /** As the service and its workers counted them, by query name. */
  service_statements: 'statements',
  cache_hits: 'requests',
  cache_misses: 'requests',
  cache_negatives: 'requests',
  cache_bypasses: 'requests',
  cache_errors: 'requests',
  http_requests: 'requests',
  /** Answered with a status of 400 or above. */
  http_errors: 'requests',
  database_pool_timeouts: 'timeouts',

  /** Committed, as the processes that did it counted them. */
  seats_created: 'seats',
  /** Accepted and neither done nor given up at the end of the window. */
  seat_creation_backlog: 'jobs',
  /** Of the process that serves the API, over the window: between two ticks of a 10 ms timer, so that 0.01 is no lag. */
  event_loop_lag_p99_seconds: 'seconds',

  /** Calls, those inside scripts included, without the lab's own INFO. */
  redis_cache_commands: 'commands',
  redis_cache_evictions: 'keys',
  redis_cache_expirations: 'keys',
  redis_cache_keys: 'keys',
  redis_cache_keys_without_ttl: 'keys',
  redis_cache_used_bytes: 'bytes',
} as const;

export type RawMetricId = keyof typeof rawMetricUnits;
