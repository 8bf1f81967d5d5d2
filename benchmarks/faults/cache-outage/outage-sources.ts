import { Client } from 'pg';
import { z } from 'zod';

import { openPostgresStatistics } from '../../probes/postgres-statistics.ts';
import { cpuSecondsFromStat, createCpuMeter } from '../../probes/process-cpu.ts';
import { descendants, readProcessTable } from '../../probes/process-table.ts';
import { linesOf, readMetricLines, sumOf } from '../service-metrics.ts';
import type { ServiceNode, Stage } from '../stage.ts';
import type { TimelineSource } from '../timeline-recorder.ts';

/** In the order of the timeline's states. */
export const breakerStates = ['closed', 'half-open', 'open'] as const;

/** What the process says of its cache on its admin port. */
export function cacheMetricsSource(node: ServiceNode): TimelineSource {
  const { adminUrl } = node;
  return {
    name: 'metrics of the service',
    ids: ['loads_in_flight', 'pool_pending', 'breaker'],
    async read() {
      const lines = await readMetricLines(node, 2_000);
      const valueOf = (name: string, labels: Readonly<Record<string, string>> = {}): number => {
        const metric = { name, labels };
        if (linesOf(lines, metric).length === 0) throw new Error(`${adminUrl}/metrics has no ${name}`);
        return sumOf(lines, metric);
      };
      const state = breakerStates.findIndex((state) => valueOf('performance_cache_breaker_state', { state }) === 1);
      if (state < 0) throw new Error(`${adminUrl}/metrics names no state of the breaker`);
      return {
        levels: {
          loads_in_flight: valueOf('performance_cache_loads_in_flight'),
          pool_pending: valueOf('database_pool_pending'),
          breaker: state,
        },
        counters: {},
      };
    },
  };
}

const activeSchema = z.object({ active: z.coerce.number() });
/** Statements that run now, of any role but the lab's own. */
const activeQuery = `SELECT count(*) AS active FROM pg_stat_activity
  WHERE datname = current_database() AND usename <> current_user AND state = 'active'`;

/** What the database and the kernel say of the database; `close` ends its connections. */
export async function openDatabaseSource({
  database,
}: Pick<Stage, 'database'>): Promise<TimelineSource & { close(): Promise<void> }> {
  const client = new Client({ connectionString: database.url, application_name: 'ticketing-lab' });
  // The statement that is lost with the connection rejects.
  client.on('error', () => undefined);
  await client.connect();
  const statistics = await openPostgresStatistics(database.url);
  const meter = createCpuMeter((table) => descendants(table, database.processId), cpuSecondsFromStat);
  return {
    name: 'the database',
    ids: ['active_backends', 'statements_per_second', 'database_cores'],
    async read() {
      const [activity, [statements]] = await Promise.all([client.query(activeQuery), statistics.read()]);
      return {
        levels: { active_backends: activeSchema.parse(activity.rows[0]).active },
        counters: {
          statements_per_second: statements?.counters['database_statements'] ?? Number.NaN,
          database_cores: meter.read(readProcessTable()),
        },
      };
    },
    async close() {
      await Promise.all([client.end(), statistics.close()]);
    },
  };
}
