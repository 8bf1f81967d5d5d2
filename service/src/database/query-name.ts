/** Every statement has one of these names: the label of its metrics and of its line in the log, never a value. */
export const queryNames = [
  'begin',
  'commit',
  'rollback',
  'ping',
  'migrate',
  'seed',
  'insert-venue',
  'find-venue',
  'check-venue',
  'insert-hall',
  'insert-hall-grades',
  'find-hall',
  'insert-performance',
  'insert-prices',
  'delete-prices',
  'find-prices',
  'lock-performance',
  'update-performance',
  'find-performance',
  'list-performances',
  'check-hall',
  'insert-showtime',
] as const;

export type QueryName = (typeof queryNames)[number];
