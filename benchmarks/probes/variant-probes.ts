import type { RunningVariant } from '../environments/environment.ts';
import type { WindowSample } from '../protocol/window-meter.ts';
import { openPostgresStatistics } from './postgres-statistics.ts';
import type { Probe, Reading } from './probe.ts';
import { createProcessProbe } from './process-probe.ts';
import { type RawMetricId, rawMetricUnits } from './raw-metrics.ts';
import { openRedisInfo } from './redis-info.ts';
import { createResidentMemoryProbe } from './resident-memory.ts';
import { createServiceMetricsProbe } from './service-metrics.ts';

/** Everything about a variant at one instant. */
export interface VariantReading {
  /** Monotonic; its origin is the same for all readings of a process. */
  readonly monotonicSeconds: number;
  readonly wallClockSeconds: number;
  readonly readings: readonly Reading[];
}

export interface VariantProbes {
  /** CPU first and in the same order every time, so that all windows between two readings have the same length. */
  read(): Promise<VariantReading>;
  close(): Promise<void>;
}

/** @param generatorProcessId the load generator, which this process has started already */
export async function openProbes(variant: RunningVariant, generatorProcessId: number): Promise<VariantProbes> {
  const { parts, database, redisCacheUrl, carrierProcessIds = [] } = variant;
  const cpu = createProcessProbe({ parts, engine: database.engine, generatorProcessId, carrierProcessIds });
  const others: Probe[] = [createResidentMemoryProbe(parts), createServiceMetricsProbe(variant, database.engine)];
  const close = async (): Promise<void> => {
    await Promise.all(others.map((probe) => probe.close()));
  };
  try {
    others.push(await openRedisInfo(redisCacheUrl));
    if (database.engine === 'postgres') others.push(await openPostgresStatistics(database.adminConnectionString));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    async read() {
      const monotonicSeconds = performance.now() / 1000;
      const wallClockSeconds = Date.now() / 1000;
      const cpuReadings = await cpu.read();
      const readings = await Promise.all(others.map((probe) => probe.read()));
      return { monotonicSeconds, wallClockSeconds, readings: [...cpuReadings, ...readings.flat()] };
    },
    close,
  };
}

/**
 * The samples of the window between two readings of the same probes.
 *
 * @throws when a counter fell or is missing in one of them: its process was restarted inside the window
 */
export function difference(earlier: VariantReading, later: VariantReading): WindowSample[] {
  const windowSeconds = later.monotonicSeconds - earlier.monotonicSeconds;
  const clockStepSeconds = later.wallClockSeconds - earlier.wallClockSeconds - windowSeconds;
  const before = new Map(earlier.readings.flatMap(({ counters }) => Object.entries(counters)));
  const samples = later.readings.flatMap(({ source, counters, levels }) => [
    ...Object.entries(counters).map(([metric, value]) =>
      sample(metric, value - counterBefore(metric, value, before), source),
    ),
    ...Object.entries(levels).map(([metric, value]) => sample(metric, value, source)),
  ]);
  return [
    sample('window_seconds', windowSeconds, 'monotonic clock'),
    sample('clock_step_seconds', clockStepSeconds, 'wall clock against monotonic clock'),
    ...samples,
  ];
}

function counterBefore(metric: string, value: number, before: ReadonlyMap<string, number>): number {
  const earlier = before.get(metric);
  if (earlier === undefined) throw new Error(`${metric} was not read at the start of the window`);
  if (value < earlier) {
    throw new Error(`${metric} fell from ${earlier} to ${value} inside the window: was its process restarted?`);
  }
  return earlier;
}

function sample(metric: string, value: number, source: string): WindowSample {
  if (!isRawMetricId(metric)) throw new Error(`${metric} is not in raw-metrics.ts`);
  return { metric, value, unit: rawMetricUnits[metric], source };
}

function isRawMetricId(metric: string): metric is RawMetricId {
  return metric in rawMetricUnits;
}
