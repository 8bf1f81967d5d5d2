import Database from 'better-sqlite3';
import { Client } from 'pg';
import { z } from 'zod';

import type { RunningVariant } from '../environments/environment.ts';
import type { GuardOutcome } from '../evidence/schema.ts';

async function queryRows(database: RunningVariant['database'], query: string): Promise<unknown[]> {
  if (database.engine === 'sqlite') {
    const connection = new Database(database.file, { readonly: true });
    try {
      return connection.prepare(query).all();
    } finally {
      connection.close();
    }
  }
  const client = new Client({ connectionString: database.adminConnectionString });
  await client.connect();
  try {
    return (await client.query(query)).rows;
  } finally {
    await client.end();
  }
}

const countSchema = z.object({ table_name: z.string(), rows: z.coerce.number() });

/** Rows by table, from the audit view: an empty database answers fast and proves nothing. */
export async function checkContent(
  variant: Pick<RunningVariant, 'id' | 'database'>,
  expected: Readonly<Record<string, number>>,
): Promise<GuardOutcome> {
  const counts = new Map(
    (await queryRows(variant.database, 'SELECT table_name, rows FROM audit_catalog_counts')).map((row) => {
      const { table_name: table, rows } = countSchema.parse(row);
      return [table, rows];
    }),
  );
  const words = (of: (table: string) => number | undefined): string =>
    Object.keys(expected)
      .map((table) => `${of(table) ?? 'no'} ${table}`)
      .join(', ');
  return {
    guard: `content-of-${variant.id}`,
    held: Object.entries(expected).every(([table, rows]) => counts.get(table) === rows),
    observed: words((table) => counts.get(table)),
    limit: words((table) => expected[table]),
  };
}

const seatsSchema = z.object({ halls: z.coerce.number(), faulty: z.coerce.number(), done: z.coerce.number() });
const seatsQuery = `SELECT count(*) AS halls,
    coalesce(sum(CASE WHEN planned_seats IS NULL OR seats <> expected_seats OR duplicates > 0 THEN 1 ELSE 0 END), 0) AS faulty,
    (SELECT coalesce(sum(operations), 0) FROM audit_seat_creation_counts WHERE state = 'done') AS done
  FROM audit_hall_seats WHERE seats > 0 OR expected_seats > 0`;

/** That the seats which were asked for are there as planned, from the audit views: the service's counters prove nothing. */
export async function checkSeats(variant: RunningVariant): Promise<GuardOutcome> {
  const [row] = await queryRows(variant.database, seatsQuery);
  const { halls, faulty, done } = seatsSchema.parse(row);
  return {
    guard: `seats-as-planned-of-${variant.id}`,
    held: faulty === 0 && halls > 0 && done === halls,
    observed: `${halls} halls with seats, ${faulty} of them not as planned, ${done} jobs done`,
    limit: 'every hall as planned, and one job done for each',
  };
}

const pagesSchema = z.object({ pages: z.coerce.number(), all_visible: z.coerce.number() });
const pagesQuery = `SELECT sum(relpages) AS pages, sum(relallvisible) AS all_visible FROM pg_class
  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`;
const leastVisibleShare = 0.95;

/**
 * Autovacuum is off in the lab, so that the seed has to leave the visibility map behind: without it index-only scans
 * fetch every row from the heap, and *before* costs several times what it costs in production.
 */
export async function checkVisibilityMap(variant: RunningVariant): Promise<GuardOutcome[]> {
  if (variant.database.engine !== 'postgres') return [];
  const [row] = await queryRows(variant.database, pagesQuery);
  const { pages, all_visible: visible } = pagesSchema.parse(row);
  return [
    {
      guard: `visibility-map-of-${variant.id}`,
      held: visible >= leastVisibleShare * pages,
      observed: `${visible} of ${pages} pages all-visible`,
      limit: `at least ${100 * leastVisibleShare} %`,
    },
  ];
}

const versionSchema = z.object({ commit: z.string() });

/** The service that answers is the one that was meant to be measured. */
export async function checkCommit(
  variant: Pick<RunningVariant, 'id' | 'apiUrl'>,
  commit: string,
): Promise<GuardOutcome> {
  const response = await fetch(new URL('/version', variant.apiUrl));
  const version = versionSchema.parse(await response.json());
  return { guard: `commit-of-${variant.id}`, held: version.commit === commit, observed: version.commit, limit: commit };
}
