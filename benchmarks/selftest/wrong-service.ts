import { once } from 'node:events';
import { mkdtempDisposable } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'better-sqlite3';

import type { Evidence, GuardOutcome } from '../evidence/schema.ts';
import { experiment } from '../experiments/performance-cache.ts';
import { checkCommit, checkContent } from '../protocol/content.ts';
import { invalidReasons, readRecordedRun, withOutcome } from './recorded-run.ts';
import type { SelfTestCase } from './self-test-case.ts';

const { performances, showtimesPerPerformance } = experiment.content;
const expectedContent = { performances, showtimes: performances * showtimesPerPerformance };

/** What is said of a service that answers `GET /version` with this commit. */
async function checkAnswered(commit: string, intended: string): Promise<GuardOutcome> {
  const server = createServer((_request, response) => response.end(JSON.stringify({ commit }))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error(`the server has no port: ${address}`);
    return await checkCommit({ id: 'after', apiUrl: `http://127.0.0.1:${address.port}` }, intended);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** What is said of a database whose audit view counts so many rows. */
async function checkCounted(counted: { performances: number; showtimes: number }): Promise<GuardOutcome> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'wrong-service-'));
  const file = join(folder.path, 'content.db');
  const database = new Database(file);
  database.exec('CREATE TABLE audit_catalog_counts (table_name TEXT, rows INTEGER)');
  const insert = database.prepare('INSERT INTO audit_catalog_counts VALUES (?, ?)');
  for (const [table, rows] of Object.entries(counted)) insert.run(table, rows);
  database.close();
  return await checkContent({ id: 'after', database: { engine: 'sqlite', file } }, expectedContent);
}

const caseOf = (
  name: string,
  mustSay: SelfTestCase['mustSay'],
  check: (evidence: Evidence) => Promise<GuardOutcome>,
): SelfTestCase => ({
  name,
  mustSay,
  run: async ({ sources }) => {
    const { evidence } = await readRecordedRun(sources);
    return invalidReasons(withOutcome(evidence, await check(evidence)));
  },
});

const anotherCommit = '0'.repeat(40);

export const wrongServiceCases: readonly SelfTestCase[] = [
  caseOf('the service is of the commit that was meant', 'nothing', ({ run: { provenance } }) =>
    checkAnswered(provenance.commit, provenance.commit),
  ),
  caseOf('the service is of another commit', /^guard commit-of-after did not hold/, ({ run: { provenance } }) =>
    checkAnswered(anotherCommit, provenance.commit),
  ),
  caseOf('the database has what it should', 'nothing', () => checkCounted(expectedContent)),
  caseOf('the database is empty', /^guard content-of-after did not hold/, () =>
    checkCounted({ performances: 0, showtimes: 0 }),
  ),
  caseOf('a showtime is missing in the database', /^guard content-of-after did not hold/, () =>
    checkCounted({ ...expectedContent, showtimes: expectedContent.showtimes - 1 }),
  ),
];
