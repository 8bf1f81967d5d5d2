import { engineStatements } from './engine-statements.ts';
import type { Migration } from './migration.ts';

const tables = [
  'create table venues (id {id}, name text not null, city text not null)',
  'create index venues_by_city on venues (city)',
  `create table halls (
    id {id},
    venue_id {bigint} not null references venues (id),
    name text not null,
    seating_plan {json} not null,
    seats integer not null
  )`,
  'create index halls_by_venue on halls (venue_id)',
  `create table hall_grades (
    hall_id {bigint} not null references halls (id),
    grade text not null,
    seats integer not null,
    position integer not null,
    primary key (hall_id, grade)
  )`,
  `create table performances (
    id {id},
    title text not null,
    introduction text not null,
    genre text not null,
    period_from {date} not null,
    period_to {date} not null
  )`,
  'create index performances_by_genre on performances (genre, id)',
  `create table prices (
    performance_id {bigint} not null references performances (id),
    grade text not null,
    amount {bigint} not null,
    position integer not null,
    primary key (performance_id, grade)
  )`,
  `create table showtimes (
    id {id},
    performance_id {bigint} not null references performances (id),
    hall_id {bigint} not null references halls (id),
    starts_at {instant} not null
  )`,
  'create index showtimes_by_performance on showtimes (performance_id, starts_at, id, hall_id)',
  // The main page reads a city's showtimes from this index alone: main-page-plan.md.
  'create index showtimes_by_hall on showtimes (hall_id, starts_at, performance_id)',
];

/** How many rows each table of the catalogue has: columns `table_name`, `rows`. For the lab's audits. */
const auditCatalogCounts = `create view audit_catalog_counts as
  ${['venues', 'halls', 'hall_grades', 'performances', 'prices', 'showtimes']
    .map((table) => `select '${table}' as table_name, count(*) as rows from ${table}`)
    .join(' union all ')}`;

export const catalogMigration: Migration = {
  number: 1,
  name: 'catalog',
  statements: engineStatements([...tables, auditCatalogCounts]),
};
