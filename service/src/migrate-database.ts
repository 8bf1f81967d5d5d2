import { migrate } from './database/migrate.ts';
import { runProgram } from './run-program.ts';
import { withDatabase } from './with-database.ts';

/** Migrates the database of DATABASE_URL, and says how far as one line of JSON: what a deployment does first. */
await runProgram(() =>
  withDatabase(async (database) => {
    console.log(JSON.stringify({ event: 'migrated', applied: await migrate(database) }));
  }),
);
