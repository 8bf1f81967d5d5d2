import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { jsonArrayFrom as postgresJsonArrayFrom } from 'kysely/helpers/postgres';
import { jsonArrayFrom as sqliteJsonArrayFrom } from 'kysely/helpers/sqlite';

import type { Database } from './database.ts';
import type { Schema } from './schema.ts';

/** What the engines do not say in the same words. Queries are built here and run through the `Database` port. */
export interface Dialect {
  readonly engine: Database['engine'];
  readonly build: Kysely<Schema>;
  /** The rows of a subquery as JSON text, in no order. */
  readonly jsonArrayFrom: typeof sqliteJsonArrayFrom;
}

const postgres: Dialect = {
  engine: 'postgres',
  build: new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (database) => new PostgresIntrospector(database),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  }),
  jsonArrayFrom: postgresJsonArrayFrom,
};

const sqlite: Dialect = {
  engine: 'sqlite',
  build: new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (database) => new SqliteIntrospector(database),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  }),
  jsonArrayFrom: sqliteJsonArrayFrom,
};

export const dialects = { postgres, sqlite } as const satisfies Record<Database['engine'], Dialect>;
