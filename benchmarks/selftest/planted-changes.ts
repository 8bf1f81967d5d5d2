import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { compareCounters } from '../gate/compare-counters.ts';
import { describeDifference } from '../gate/judge-gate.ts';
import { countSources } from '../gate-run/count-sources.ts';
import { readExpectations } from '../gate-run/expectations.ts';
import type { SelfTestCase, SelfTestContext } from './self-test-case.ts';

/** A text of the service's sources, which must be there exactly once, and what stands in its place. */
export interface SourceChange {
  /** From the top of the work tree. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

interface PlantedChange {
  readonly name: string;
  readonly change: SourceChange;
  /** Of the counter and the name in the line that catches it. */
  readonly mustSay: RegExp;
}

/** Regressions as they are really made. The gate's exact counters must name each of them. */
export const plantedChanges: readonly PlantedChange[] = [
  {
    name: 'an N+1: the list page reads each of its performances',
    change: {
      file: 'service/src/database/catalog-repository.ts',
      from: "      return (await database.execute('list-performances', listPerformancesQuery(dialect, request))).map(summaryOf);",
      to: `      const page = await database.execute('list-performances', listPerformancesQuery(dialect, request));
      for (const { id } of page) await database.execute('find-performance', findPerformanceQuery(dialect, id));
      return page.map(summaryOf);`,
    },
    mustSay: /statements find-performance/,
  },
  {
    name: 'the cache key is another one every time',
    change: {
      file: 'service/src/performance-cache/keys.ts',
      from: '    value: `${prefix}:${name}`,',
      to: '    value: `${prefix}:${name}:${Math.random()}`,',
    },
    mustSay: /statements list-performances/,
  },
  {
    name: 'the TTL is missing',
    change: {
      file: 'service/src/performance-cache/store.lua',
      from: "redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])",
      to: "redis.pcall('SET', KEYS[1], ARGV[2])",
    },
    mustSay: /keys without TTL in the cache performance-cache/,
  },
  {
    name: 'an index is dropped',
    change: {
      file: 'service/src/database/migrations/0001-catalog.ts',
      from: "  'create index showtimes_by_hall on showtimes (hall_id, starts_at, performance_id)',\n",
      to: '',
    },
    mustSay: /reads: shared buffers with "page" as/,
  },
  {
    name: 'the payload is doubled',
    change: {
      file: 'service/src/performance-cache/representation.ts',
      from: 'JSON.stringify(value)',
      to: 'JSON.stringify(Object.assign({}, value, { copy: value }))',
    },
    mustSay: /body bytes list, hit/,
  },
  {
    name: 'one statement more',
    change: {
      file: 'service/src/database/write-performance.ts',
      from: "  const previous = await lockPerformance(transaction, dialect, { id, strength: 'update' });",
      to: `  await lockPerformance(transaction, dialect, { id, strength: 'update' });
  const previous = await lockPerformance(transaction, dialect, { id, strength: 'update' });`,
    },
    mustSay: /statements lock-performance/,
  },
  {
    name: 'one Redis command more',
    change: {
      file: 'service/src/seat-creation/acknowledge.lua',
      from: "  redis.call('XDEL', stream, entry)\n",
      to: "  redis.call('XDEL', stream, entry)\n  redis.call('EXISTS', operation)\n",
    },
    mustSay: /commands of the queue exists/,
  },
];

/** What the exact counters have to say about the sources as they are. */
async function counterLines({ sources, onStep, signal }: SelfTestContext): Promise<readonly string[]> {
  const expected = await readExpectations(sources);
  return compareCounters(expected, await countSources({ sources, onStep, signal })).above.map(describeDifference);
}

/** Makes the change for as long as `use` takes. @throws when its text is not there exactly once */
export async function withChange<Result>(
  sources: string,
  { file, from, to }: SourceChange,
  use: () => Promise<Result>,
): Promise<Result> {
  const path = join(sources, file);
  const text = await readFile(path, 'utf8');
  const places = text.split(from).length - 1;
  if (places !== 1) throw new Error(`${file} has the text that is to be changed ${places} times, not once: ${from}`);
  await writeFile(
    path,
    text.replace(from, () => to),
  );
  try {
    return await use();
  } finally {
    await writeFile(path, text);
  }
}

export const plantedChangeCases: readonly SelfTestCase[] = [
  { name: 'nothing planted', mustSay: 'nothing', run: counterLines },
  ...plantedChanges.map(({ name, change, mustSay }) => ({
    name,
    mustSay,
    run: (context: SelfTestContext) => withChange(context.sources, change, () => counterLines(context)),
  })),
];
