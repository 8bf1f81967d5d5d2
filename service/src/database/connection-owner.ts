import { type QueryName, queryNames } from './query-name.ts';

/** Every transaction has one of these names, which no query has. */
const transactionNames = [
  'migrate-schema',
  'seed-catalog',
  'create-venue',
  'create-hall',
  'create-performance',
  'change-performance',
  'add-showtime',
  'create-seats',
  'record-failure',
] as const;

export type TransactionName = (typeof transactionNames)[number];

/** Who borrows a connection: a transaction, or a query that runs outside of any. A label, never a value. */
export type ConnectionOwner = TransactionName | QueryName;

const insideTransactions: ReadonlySet<QueryName> = new Set(['begin', 'commit', 'rollback']);

export const connectionOwners: readonly ConnectionOwner[] = [
  ...transactionNames,
  ...queryNames.filter((name) => !insideTransactions.has(name)),
];
