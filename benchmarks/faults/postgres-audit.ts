import { Pool } from 'pg';
import { createAudit } from './audit.ts';
import type { Audit } from './stage.ts';

export const connectionTimeoutMillis = 5_000;
/** Audits of 200,000 jobs take seconds; a frozen server would take for ever. */
const auditTimeoutMs = 120_000;

/** By connections of its own. @param connectionString of the lab's role, past any proxy */
export function openPostgresAudit(connectionString: string): {
  readonly audit: Audit;
  readonly close: () => Promise<void>;
} {
  const connections = new Pool({
    connectionString,
    max: 2,
    connectionTimeoutMillis,
    query_timeout: auditTimeoutMs,
  });
  // An idle connection whose server has gone: the pool has dropped it already, and the next audit makes another one.
  connections.on('error', () => undefined);
  const audit = createAudit({
    query: async (sql, values) => (await connections.query<object>(sql, [...values])).rows,
    isAmong: (column) => `${column} = any($1::bigint[])`,
    listOf: (ids) => ids,
  });
  return { audit, close: () => connections.end() };
}
