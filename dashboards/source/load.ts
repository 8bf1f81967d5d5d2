/** What is done to the system so that panels have something to show; `proof/loads.ts` does it. */
export type DashboardLoad =
  | 'reads'
  | 'writes'
  | 'malformed-requests'
  | 'cache-full'
  | 'seat-creation'
  | 'loop-blocked'
  | 'resources-limited'
  | 'consumer-killed'
  | 'work-deleted'
  | 'consumer-frozen'
  | 'dead-letters'
  | 'cache-outage'
  | 'pool-held'
  | 'queue-not-durable'
  | 'database-outage';
