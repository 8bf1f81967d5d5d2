import { Client, escapeLiteral } from 'pg';

import { parseDatabaseConfig, readEnvironment } from '../config.ts';
import { dialects } from './dialect.ts';
import { listPerformancesQuery } from './list-performances-query.ts';

/** As the service asks for a page of 20: one row more tells whether there is a next page. */
const request = { genre: 'concert', city: 'Seoul', limit: 21, now: '2026-11-23T08:00:00.000Z' } as const;

/** The plan that PostgreSQL keeps for the prepared statement (generic), with its buffers, on warm data. */
async function explainMainPage(connectionString: string): Promise<{ version: string; sql: string; plan: string }> {
  const client = new Client({ connectionString, options: '-c TimeZone=UTC -c plan_cache_mode=force_generic_plan' });
  await client.connect();
  try {
    const { sql, parameters } = listPerformancesQuery(dialects.postgres, request);
    await client.query(`prepare main_page as ${sql}`);
    const values = parameters.map((value) => escapeLiteral(String(value))).join(', ');
    const explain = `explain (analyze, buffers) execute main_page (${values})`;
    for (let warmUp = 0; warmUp < 10; warmUp += 1) await client.query(explain);
    const plan = await client.query<{ readonly 'QUERY PLAN': string }>(explain);
    const version = await client.query<{ readonly server_version: string }>('show server_version');
    return {
      version: version.rows[0]?.server_version ?? 'unknown',
      sql,
      plan: plan.rows.map((row) => row['QUERY PLAN']).join('\n'),
    };
  } finally {
    await client.end();
  }
}

/** Prints the plan section of main-page-plan.md, for the seeded PostgreSQL database of DATABASE_URL. */
const database = parseDatabaseConfig(readEnvironment());
if (database.engine !== 'postgres') throw new Error('explain-main-page.ts needs DATABASE_URL=postgres://…, got SQLite');
const { version, sql, plan } = await explainMainPage(database.connectionString);
console.log(`PostgreSQL ${version}\n\n\`\`\`sql\n${sql}\n\`\`\`\n\n\`\`\`text\n${plan}\n\`\`\``);
