import type { Part, RunningVariant } from '../environments/environment.ts';
import { cpuSources, type ControlGroup, readCpuSeconds } from './control-group.ts';
import { readCpuPressure, readMachineCpu } from './machine.ts';
import type { Probe, Reading } from './probe.ts';
import {
  type CpuMeter,
  cpuSecondsFromStat,
  createCpuMeter,
  createThreadClock,
  type ProcessClock,
} from './process-cpu.ts';
import { descendants, type ProcessTable, readProcessTable } from './process-table.ts';

export interface ProcessProbeRequest {
  readonly parts: readonly Part[];
  readonly engine: RunningVariant['database']['engine'];
  /** The load generator, a child of this process. */
  readonly generatorProcessId: number;
  readonly carrierProcessIds?: RunningVariant['carrierProcessIds'];
}

/** The id of a part as it stands in raw metrics: `redis_cache`. */
function metricPrefix(name: Part['name']): string {
  return name.replace('-', '_');
}

/** The parts by their name in raw metrics; of workers there may be none. */
export function partsByMetric(parts: readonly Part[]): ReadonlyMap<string, readonly Part[]> {
  return new Map<string, readonly Part[]>([['worker', []], ...Map.groupBy(parts, ({ name }) => metricPrefix(name))]);
}

/** The service and its workers run SQLite in worker threads whose names begin with this. */
const isSqliteThread = (name: string): boolean => name.startsWith('sqlite-');
const withSqlite: readonly string[] = ['service', 'worker'];

/**
 * CPU time of every part, of the generator, of the lab and of everybody else, beside what the machine counted: all
 * from one pass over /proc. `read` rejects when a part or the generator has ended.
 */
export function createProcessProbe(request: ProcessProbeRequest): Probe {
  const { parts, engine, generatorProcessId, carrierProcessIds = [] } = request;
  const byMetric = partsByMetric(parts);
  const roots = new Map([
    ...Array.from(byMetric, ([id, own]) => [id, own.map(({ rootProcessId }) => rootProcessId)] as const),
    ['generator', [generatorProcessId]] as const,
  ]);
  const groups = new Map(
    Array.from(byMetric, ([id, own]) => [id, own.flatMap(({ controlGroup }) => controlGroup ?? [])]),
  );
  const meters = [
    ...createPartMeters(roots, groups, engine),
    ...createRemainderMeters([...roots.values()].flat(), [process.pid, ...carrierProcessIds]),
  ];
  const read = async (): Promise<readonly Reading[]> => {
    const table = readProcessTable();
    const ended = parts.find(({ rootProcessId }) => table.get(rootProcessId)?.isZombie !== false);
    if (ended) throw new Error(`${ended.name} has ended:\n${await ended.logTail()}`);
    if (table.get(generatorProcessId)?.isZombie !== false) throw new Error('the load generator has ended');
    return [
      ...meters.map(({ metric, source, meter }) => ({ source, counters: { [metric]: meter.read(table) }, levels: {} })),
      ...readMachineCpu(),
      ...readCpuPressure(),
    ];
  };
  return {
    read,
    close: () => Promise.resolve(),
  };
}

interface NamedMeter {
  readonly metric: string;
  readonly source: string;
  readonly meter: CpuMeter;
}

const schedstat = '/proc/<pid>/task/<tid>/schedstat';
const stat = '/proc/<pid>/stat';

function createPartMeters(
  roots: ReadonlyMap<string, readonly number[]>,
  groups: ReadonlyMap<string, readonly ControlGroup[]>,
  engine: ProcessProbeRequest['engine'],
): readonly NamedMeter[] {
  const treeMeter = (ids: readonly string[], clock: ProcessClock): CpuMeter => {
    const trees = ids.flatMap((id) => {
      const own = roots.get(id);
      if (own === undefined) throw new Error(`the variant has no part ${id}`);
      return own;
    });
    return createCpuMeter((table) => trees.flatMap((root) => [...descendants(table, root)]), clock);
  };
  const embedded = engine === 'sqlite';
  const clockOf = (id: string): ProcessClock =>
    embedded && withSqlite.includes(id) ? createThreadClock((name) => !isSqliteThread(name)) : createThreadClock();
  const parts = Array.from(roots.keys(), (id) => ({
    metric: `${id}_cpu_seconds`,
    ...(groupMeter(groups.get(id) ?? []) ?? { source: schedstat, meter: treeMeter([id], clockOf(id)) }),
  }));
  const second = embedded
    ? { source: schedstat, meter: treeMeter(withSqlite, createThreadClock(isSqliteThread)) }
    : { source: stat, meter: treeMeter(['database'], cpuSecondsFromStat) };
  return [...parts, { metric: 'database_cpu_seconds_second_source', ...second }];
}

/** Of containers together; `undefined` for a part that is none. */
function groupMeter(groups: readonly ControlGroup[]): Omit<NamedMeter, 'metric'> | undefined {
  const [first] = groups;
  if (!first) return undefined;
  const read = (): number => groups.reduce((sum, group) => sum + readCpuSeconds(group), 0);
  return { source: cpuSources[first.version], meter: { read } };
}

/** The lab and its carriers with what else they started, and everybody else. */
function createRemainderMeters(roots: readonly number[], labIds: readonly number[]): readonly NamedMeter[] {
  const without = (table: ProcessTable, ids: Iterable<number>, excluded: readonly number[]): number[] => {
    const excludedTrees = new Set(excluded.flatMap((root) => [...descendants(table, root)]));
    return [...ids].filter((id) => !excludedTrees.has(id));
  };
  const lab = (table: ProcessTable): number[] => {
    const trees = new Set(labIds.flatMap((root) => [...descendants(table, root)]));
    return without(table, trees, roots);
  };
  const others = (table: ProcessTable): number[] => without(table, table.keys(), [...labIds, ...roots]);
  return [
    { metric: 'lab_cpu_seconds', source: schedstat, meter: createCpuMeter(lab, createThreadClock()) },
    { metric: 'other_cpu_seconds', source: stat, meter: createCpuMeter(others, cpuSecondsFromStat) },
  ];
}
