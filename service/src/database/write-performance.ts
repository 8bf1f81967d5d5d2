import type { PerformanceChange } from '../catalog/catalog-repository.ts';
import type { Genre, Performance, Price } from '../catalog/model.ts';
import type { QueryExecutor } from './database.ts';
import type { Dialect } from './dialect.ts';
import { pricesOf } from './find-performance-query.ts';
import { onlyId } from './only-id.ts';

export async function insertPerformance(
  transaction: QueryExecutor,
  dialect: Dialect,
  performance: Omit<Performance, 'id'>,
): Promise<Performance> {
  const { title, introduction, genre, period, prices } = performance;
  const row = { title, introduction, genre, period_from: period.from, period_to: period.to };
  const query = dialect.build.insertInto('performances').values(row).returning('id').compile();
  const id = onlyId(await transaction.execute('insert-performance', query));
  await insertPrices(transaction, dialect, { id, prices });
  return { id, title, introduction, genre, period, prices };
}

export async function updatePerformance(
  transaction: QueryExecutor,
  dialect: Dialect,
  { id, change }: { readonly id: number; readonly change: PerformanceChange },
): Promise<{ readonly performance: Performance; readonly previousGenre: Genre } | undefined> {
  const previous = await lockPerformance(transaction, dialect, { id, strength: 'update' });
  if (previous === undefined) return undefined;
  const { title = previous.title, introduction = previous.introduction, genre = previous.genre } = change;
  const period = change.period ?? { from: previous.period_from, to: previous.period_to };
  const row = { title, introduction, genre, period_from: period.from, period_to: period.to };
  await transaction.execute(
    'update-performance',
    dialect.build.updateTable('performances').set(row).where('id', '=', id).compile(),
  );
  const prices = await replacePrices(transaction, dialect, { id, prices: change.prices });
  return { performance: { id, title, introduction, genre, period, prices }, previousGenre: previous.genre };
}

/** SQLite's transaction holds the only writer already. */
export async function lockPerformance(
  transaction: QueryExecutor,
  { engine, build }: Dialect,
  { id, strength }: { readonly id: number; readonly strength: 'share' | 'update' },
) {
  const query = build
    .selectFrom('performances')
    .select(['title', 'introduction', 'genre', 'period_from', 'period_to'])
    .where('id', '=', id);
  const locking = strength === 'share' ? query.forShare() : query.forUpdate();
  const [row] = await transaction.execute('lock-performance', (engine === 'postgres' ? locking : query).compile());
  return row;
}

/** The prices after it: the given ones, or with `undefined` those that were there. */
async function replacePrices(
  transaction: QueryExecutor,
  dialect: Dialect,
  { id, prices }: { readonly id: number; readonly prices: readonly Price[] | undefined },
): Promise<readonly Price[]> {
  const { build } = dialect;
  if (prices === undefined) {
    const query = build.selectFrom('prices').select(['grade', 'amount', 'position']).where('performance_id', '=', id);
    return pricesOf(await transaction.execute('find-prices', query.compile()));
  }
  await transaction.execute('delete-prices', build.deleteFrom('prices').where('performance_id', '=', id).compile());
  await insertPrices(transaction, dialect, { id, prices });
  return prices;
}

async function insertPrices(
  transaction: QueryExecutor,
  { build }: Dialect,
  { id, prices }: { readonly id: number; readonly prices: readonly Price[] },
): Promise<void> {
  if (prices.length === 0) return;
  const rows = prices.map(({ grade, amount }, position) => ({ performance_id: id, grade, amount, position }));
  await transaction.execute('insert-prices', build.insertInto('prices').values(rows).compile());
}
