import { Counter, Histogram, type Registry } from 'prom-client';

export interface HttpMetrics {
  /** An operation's series stand at 0 from now on: its first failure is an increase too. */
  declare(method: string, route: string, statuses: readonly number[]): void;
  /** `route` is a pattern such as `/performances/{id}`, or `unmatched`: never a path. */
  observe(method: string, route: string, status: number, seconds: number): void;
  /** A request that the parser refused: it has no method, no route and no duration. */
  countUnparsed(status: number): void;
}

/** Methods beside these are counted as `other`: a client must not be able to make series. */
const namedMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS']);

/**
 * Of a method with a route with a status: 30 operations, those that read answer HEAD as well; `unmatched` with any of 8
 * methods; 26 statuses. A test holds the API's own counts against these.
 */
export const mostOperations = 30;
export const mostStatuses = 26;
export const mostHttpCombinations = (2 * mostOperations + namedMethods.size + 1) * mostStatuses;

const parserStatuses = [400, 408, 413, 431];

export function createHttpMetrics(registry: Registry): HttpMetrics {
  const duration = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Seconds from the request to its answer, by route pattern',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  const unparsed = new Counter({
    name: 'http_server_unparsed_requests_total',
    help: 'Requests that the parser refused, by the status they got',
    labelNames: ['status'],
    registers: [registry],
  });
  for (const status of parserStatuses) unparsed.inc({ status }, 0);
  return {
    declare(method, route, statuses) {
      for (const status of statuses) duration.zero({ method, route, status });
    },
    observe(method, route, status, seconds) {
      duration.observe({ method: namedMethods.has(method) ? method : 'other', route, status }, seconds);
    },
    countUnparsed: (status) => unparsed.inc({ status }),
  };
}
