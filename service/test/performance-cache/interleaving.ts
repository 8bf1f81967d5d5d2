import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as settled } from 'node:timers/promises';

import { Redis } from 'ioredis';

import type { Clock } from '../../src/performance-cache/clock.ts';
import type { PerformanceCache, PerformanceReadKey } from '../../src/performance-cache/performance-cache.ts';
import { createRepresentation } from '../../src/performance-cache/representation.ts';
import { valueOf } from './cache-under-test.ts';

/** What a cache is made of here: one process of the service, whose every command and pause is a step. */
export interface ProcessParts {
  readonly client: Redis;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Readers of one key and writers of performance 1, each by the number of the process that it works in. */
export interface Scenario {
  readonly key: PerformanceReadKey;
  readonly readers: readonly number[];
  readonly writers: readonly number[];
  /** Whether version 0 is stored when they begin. */
  readonly isWarm: boolean;
  /** Keys, each of which is evicted once, at any moment. */
  readonly evicted: readonly string[];
  readonly createCache: (parts: ProcessParts) => PerformanceCache;
}

export interface Interleaving {
  /** How many steps there were to choose from, at each choice, and which was chosen. */
  readonly choices: readonly { readonly options: number; readonly chosen: number }[];
  /** Reads that returned less than what was answered when they began, each with the steps that led there. */
  readonly stale: readonly string[];
}

interface Step {
  readonly name: string;
  /** An eviction commutes with the steps that are not Redis's: it need not be tried after each of those. */
  readonly place: 'redis' | 'elsewhere' | 'eviction';
  run(): Promise<void>;
}

const actor = new AsyncLocalStorage<string>();
const change = { performanceId: 1, genres: ['opera'] } as const;

/** A place to run interleavings in, one after the other; many beside each other share the connection. */
export interface Lane {
  /** `choose` is asked for a number below that of the steps that may come next. */
  run(scenario: Scenario, choose: (options: number) => number): Promise<Interleaving>;
}

/** Commands of one turn of the event loop go in one write. */
function sendTogether(shared: Redis, command: Parameters<Redis['sendCommand']>[0]): Promise<unknown> {
  if (shared.stream.writableCorked === 0) {
    shared.stream.cork();
    setImmediate(() => shared.stream.uncork());
  }
  return Promise.resolve(shared.sendCommand(command));
}

export function createLane(shared: Redis, name: string): Lane {
  const pending: Step[] = [];
  const trace: string[] = [];
  /** Nothing is a step of its own now. */
  let isFree = true;
  /** The reply to what a step sent by itself, as part of it. */
  let sent: Promise<unknown> = Promise.resolve();

  function step<Result>(what: string, place: Step['place'], action: () => Result | Promise<Result>): Promise<Result> {
    if (isFree) {
      const result = Promise.resolve(action());
      sent = result.catch(() => undefined);
      return result;
    }
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        await Promise.resolve(action()).then(resolve, reject);
      };
      pending.push({ name: `${actor.getStore() ?? ''}: ${what}`, place, run });
    });
  }

  // Commands of a client with a prefix of its own, sent over the shared connection.
  const client = new Redis({ lazyConnect: true, keyPrefix: `${name}:` });
  client.sendCommand = (command) => step(command.name, 'redis', () => sendTogether(shared, command));

  /** Runs `begin` with its first command as one step: before that command nobody can tell that it began. */
  const beginning = <Result>(begin: () => Promise<Result>): Promise<Result> => {
    isFree = true;
    try {
      return begin();
    } finally {
      isFree = false;
    }
  };

  async function freely<Result>(work: () => Promise<Result>): Promise<Result> {
    isFree = true;
    try {
      return await work();
    } finally {
      isFree = false;
    }
  }

  async function perform(choose: (options: number) => number): Promise<Interleaving['choices']> {
    const choices = [];
    for (let last: Step['place'] = 'redis'; ;) {
      await settled();
      if (pending.length === 0) return choices;
      const timely = pending.filter(({ place }) => place !== 'eviction' || last !== 'elsewhere');
      const possible = timely.length > 0 ? timely : pending;
      const chosen = possible.length === 1 ? 0 : choose(possible.length);
      if (possible.length > 1) choices.push({ options: possible.length, chosen });
      const next = possible[chosen];
      if (!next) throw new Error(`step ${chosen} of ${possible.length} was chosen`);
      pending.splice(pending.indexOf(next), 1);
      trace.push(next.name);
      last = next.place;
      await next.run();
      await sent;
    }
  }

  return {
    async run(scenario, choose) {
      const { key, readers, writers, isWarm, evicted, createCache } = scenario;
      const stale: string[] = [];
      let nowMs = 0;
      let committed = 0;
      let answered = 0;
      pending.length = 0;
      trace.length = 0;

      const createProcess = (): PerformanceCache =>
        createCache({
          client,
          clock: { epochMs: () => nowMs, monotonicMs: () => nowMs },
          sleep: (ms) => step('pause', 'elsewhere', () => void (nowMs += ms)),
        });
      const processes = new Map([...readers, ...writers].map((process) => [process, createProcess()]));
      const processOf = (number: number): PerformanceCache => processes.get(number) ?? createProcess();
      // What only others of the same process can notice is a step of its own only where there are such.
      const isShared = (number: number): boolean => [...readers, ...writers].filter((own) => own === number).length > 1;

      async function load(process: number | undefined): Promise<ReturnType<typeof createRepresentation>> {
        const version = await step('load', 'elsewhere', () => committed);
        if (process !== undefined && isShared(process)) await step('loaded', 'elsewhere', () => undefined);
        return createRepresentation(version);
      }
      async function read(cache: PerformanceCache, process?: number): Promise<void> {
        const promised = answered;
        const version = Number(valueOf(await cache.read(key, () => load(process))));
        if (version < promised) {
          stale.push(`${actor.getStore()} got ${version} after ${promised} was answered: ${trace.join(', ')}`);
        }
      }
      async function startReading(process: number): Promise<void> {
        let reading: Promise<void> = Promise.resolve();
        await step('read', 'redis', () => {
          reading = beginning(() => read(processOf(process), process));
        });
        await reading;
      }
      async function write(process: number): Promise<void> {
        const version = await step('commit', 'elsewhere', () => (committed += 1));
        if (isShared(process)) await step('invalidate', 'elsewhere', () => undefined);
        await processOf(process).invalidate(change);
        answered = Math.max(answered, version);
      }

      if (isWarm) {
        await freely(async () => {
          const first = createProcess();
          await first.read(key, () => load(undefined));
          await first.close();
        });
      }
      isFree = false;
      const actors = [
        ...readers.map((process, index) => actor.run(`reader ${index + 1}`, () => startReading(process))),
        ...writers.map((process, index) => actor.run(`writer ${index + 1}`, () => write(process))),
        ...evicted.map((lost) =>
          actor.run('eviction', () => step(lost, 'eviction', () => shared.del(`${name}:${lost}`))),
        ),
      ];
      const choices = await perform(choose);
      await Promise.all(actors);
      await freely(() => actor.run('a last reader', () => read(createProcess())));
      await settled();
      await sent;
      return { choices, stale };
    },
  };
}
