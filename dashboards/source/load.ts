/** What is done to the system so that panels have something to show; `proof/loads.ts` does it. */
export type DashboardLoad =
  | 'reads'
  | 'writes'
  | 'malformed-requests'
  | 'cache-full'
  | 'seat-creation'
  | 'consumer-killed'
  | 'consumer-frozen'
  | 'dead-letters'
  | 'cache-outage'
  | 'pool-held'
  | 'queue-not-durable'
  | 'database-outage';
