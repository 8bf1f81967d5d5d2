import { type Counters, type GateLoad, gateLoads, type LoadCounters } from './counters.ts';

/** One exact counter that is not what it was expected to be. */
export interface CounterDifference {
  readonly load: GateLoad;
  /** What is counted: `statements`, `body bytes`. */
  readonly counter: string;
  /** Of the statement, the command, the kind of request, the key. */
  readonly name: string;
  readonly expected: number;
  readonly observed: number;
}

export interface CounterComparison {
  /** More than expected: a regression. */
  readonly above: readonly CounterDifference[];
  readonly below: readonly CounterDifference[];
  /** Statements that the expectations do not know, though there are not more of them: rewritten ones. */
  readonly rewritten: readonly string[];
}

/** Every exact counter against its expectation, load by load. No tolerance: the same code gives the same numbers. */
export function compareCounters(expected: Counters, observed: Counters): CounterComparison {
  const differences = gateLoads.flatMap((load) => {
    const [own, theirs] = [rowsOf(observed[load]), rowsOf(expected[load])];
    const keys = new Set([...theirs.keys(), ...own.keys()]);
    return [...keys].flatMap((key) => {
      const [counter = '', name = ''] = key.split('\n');
      const difference = { load, counter, name, expected: theirs.get(key) ?? 0, observed: own.get(key) ?? 0 };
      return difference.expected === difference.observed ? [] : [difference];
    });
  });
  const texts = gateLoads.map((load) => compareTexts(load, expected[load], observed[load]));
  return {
    above: [
      ...differences.filter((difference) => difference.observed > difference.expected),
      ...texts.flatMap(({ above }) => above),
    ],
    below: differences.filter((difference) => difference.observed < difference.expected),
    rewritten: texts.flatMap(({ rewritten }) => rewritten),
  };
}

/** Those whose names stay the same when a statement is written in other words; by `counter`, line feed, `name`. */
function rowsOf(counters: LoadCounters): ReadonlyMap<string, number> {
  const rows = (counter: string, counts: Readonly<Record<string, number>>): [string, number][] =>
    Object.entries(counts).map(([name, count]) => [`${counter}\n${name}`, count]);
  const responses = Object.entries(counters.responses);
  return new Map([
    ...rows('statements', counters.statements),
    ...rows('commands of the cache', counters.cacheCommands),
    ...rows('commands of the queue', counters.queueCommands),
    ...rows('answers', Object.fromEntries(responses.map(([kind, { count }]) => [kind, count]))),
    ...rows('body bytes', Object.fromEntries(responses.map(([kind, { bodyBytes }]) => [kind, bodyBytes]))),
    ...rows('keys without TTL in the cache', counters.cacheKeysWithoutTtl),
    ...rows('keys without TTL in the queue', counters.queueKeysWithoutTtl),
  ]);
}

type Texts = LoadCounters['databaseStatements'];

/**
 * What the database itself counted, by the statement's text. A text that is new is a statement in other words as long
 * as the total has not risen; where it has, every text that gained is named.
 */
function compareTexts(
  load: GateLoad,
  { databaseStatements: expected }: LoadCounters,
  { databaseStatements: observed }: LoadCounters,
): Pick<CounterComparison, 'above' | 'rewritten'> {
  const above = (['calls', 'sharedBuffers'] as const).flatMap((counted) => {
    if (totalOf(observed, counted) <= totalOf(expected, counted)) return [];
    return Object.entries(observed).flatMap(([text, counts]) => {
      const difference = {
        load,
        counter: counted === 'calls' ? 'executions, by the database' : 'shared buffers',
        name: text,
        expected: expected[text]?.[counted] ?? 0,
        observed: counts[counted],
      };
      return difference.observed > difference.expected ? [difference] : [];
    });
  });
  const named = new Set(above.map(({ name }) => name));
  return { above, rewritten: Object.keys(observed).filter((text) => !(text in expected) && !named.has(text)) };
}

function totalOf(texts: Texts, counted: 'calls' | 'sharedBuffers'): number {
  return Object.values(texts).reduce((sum, counts) => sum + counts[counted], 0);
}
