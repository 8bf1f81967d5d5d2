import { parseArgs } from 'node:util';

import { migrate } from './database/migrate.ts';
import { seedCatalog, type SeedOptions } from './database/seed/seed-catalog.ts';
import { runProgram } from './run-program.ts';
import { withDatabase } from './with-database.ts';

const usage =
  'usage: node service/src/seed.ts --performances 10000 --random-seed 42 ' +
  '--relative-to 2026-11-23T00:00:00.000Z [--showtimes 5]';

function wholeNumber(name: string, text: string | undefined, minimum: number): number {
  const value = Number(text);
  if (text === undefined || !Number.isSafeInteger(value) || value < minimum) {
    throw new Error(`--${name} must be a whole number of ${minimum} or more, got ${JSON.stringify(text)}\n${usage}`);
  }
  return value;
}

function parseOptions(args: readonly string[]): SeedOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      performances: { type: 'string' },
      showtimes: { type: 'string', default: '5' },
      'random-seed': { type: 'string' },
      'relative-to': { type: 'string' },
    },
  });
  const relativeTo = new Date(values['relative-to'] ?? '');
  if (Number.isNaN(relativeTo.getTime())) {
    throw new Error(
      `--relative-to must be an instant in ISO 8601, got ${JSON.stringify(values['relative-to'])}\n${usage}`,
    );
  }
  return {
    performances: wholeNumber('performances', values.performances, 1),
    showtimesPerPerformance: wholeNumber('showtimes', values.showtimes, 1),
    randomSeed: wholeNumber('random-seed', values['random-seed'], 0),
    relativeTo,
  };
}

/** Fills the database of DATABASE_URL, and says what with as one line of JSON. */
await runProgram(async () => {
  const options = parseOptions(process.argv.slice(2));
  await withDatabase(
    async (database) => {
      const started = performance.now();
      await migrate(database);
      const counts = await seedCatalog(database, options);
      const seconds = Number(((performance.now() - started) / 1_000).toFixed(1));
      console.log(JSON.stringify({ event: 'seeded', ...counts, randomSeed: options.randomSeed, seconds }));
    },
    { slowQueryMs: 60_000, longHoldMs: 600_000 },
  );
});
