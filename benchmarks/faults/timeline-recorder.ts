import { setTimeout as sleep } from 'node:timers/promises';

import type { Timeline, TimelineMark } from '../evidence/timeline-schema.ts';

/** Readings of one moment, by the ids of the timeline's values. */
export interface TimelineReading {
  /** As they are now. */
  readonly levels: Readonly<Record<string, number>>;
  /** Running totals: the timeline gets what they rose by, per second. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface TimelineSource {
  /** As it is called in messages. */
  readonly name: string;
  /** Ids of all that `read` gives. */
  readonly ids: readonly string[];
  /** What rejects, or takes longer than an interval, was not read: null in the timeline, and counted. */
  read(): Promise<TimelineReading>;
}

export interface TimelineRecorder {
  /** Of `performance.now()`: interval i begins i times the interval later. */
  readonly startedAtMs: number;
  /** A phase begins now. */
  mark(label: string, isFault: boolean): void;
  /** After the interval that is under way. What was read, and the sources that missed intervals, in words. */
  end(): Promise<RecordedTimeline>;
}

export interface RecordedTimeline extends Timeline {
  readonly intervals: number;
  /** By source: intervals that it did not read, and why the first of them. */
  readonly missed: ReadonlyMap<string, { readonly intervals: number; readonly why: string }>;
}

interface RunningSource extends TimelineSource {
  readonly columns: ReadonlyMap<string, (number | null)[]>;
  isReading: boolean;
  before:
    { readonly atMs: number; readonly interval: number; readonly counters: TimelineReading['counters'] } | undefined;
}

/**
 * Reads every source at the end of each interval, by the clock. The timeline begins with this call, and with the
 * phase `label`.
 */
export async function startTimelineRecorder(
  { intervalSeconds, sources, label }: { intervalSeconds: number; sources: readonly TimelineSource[]; label: string },
  signal: AbortSignal,
): Promise<TimelineRecorder> {
  const running = sources.map((source): RunningSource => ({
    ...source,
    columns: new Map(source.ids.map((id) => [id, []])),
    isReading: false,
    before: undefined,
  }));
  const missed = new Map<string, { intervals: number; why: string }>();
  await Promise.all(
    running.map(async (source) => {
      source.before = { atMs: performance.now(), interval: -1, counters: (await source.read()).counters };
    }),
  );
  const startedAtMs = performance.now();
  const intervalMs = 1_000 * intervalSeconds;
  const marks: TimelineMark[] = [{ atSeconds: 0, label, isFault: false }];
  const readings: Promise<void>[] = [];
  const over = new AbortController();
  const ending = AbortSignal.any([over.signal, signal]);
  let intervals = 0;

  async function readOne(source: RunningSource, interval: number): Promise<void> {
    const miss = (why: string): void => {
      const before = missed.get(source.name);
      missed.set(source.name, { intervals: (before?.intervals ?? 0) + 1, why: before?.why ?? why });
    };
    for (const column of source.columns.values()) column[interval] = null;
    if (source.isReading) return miss('it was still at the reading before');
    source.isReading = true;
    try {
      const reading = await source.read();
      const atMs = performance.now();
      if (atMs > startedAtMs + (interval + 2) * intervalMs) miss('it took longer than an interval');
      else keep(source, { interval, atMs, reading });
      source.before = { atMs, interval, counters: reading.counters };
    } catch (error) {
      miss(error instanceof Error ? error.message : String(error));
    } finally {
      source.isReading = false;
    }
  }
  async function readOnTime(): Promise<void> {
    while (!ending.aborted) {
      const endsAtMs = startedAtMs + (intervals + 1) * intervalMs;
      await sleep(Math.max(0, endsAtMs - performance.now()));
      readings.push(...running.map((source) => readOne(source, intervals)));
      intervals += 1;
    }
    await Promise.all(readings);
  }
  const reading = readOnTime();
  reading.catch(() => undefined);
  return {
    startedAtMs,
    mark: (label, isFault) => void marks.push({ atSeconds: (performance.now() - startedAtMs) / 1_000, label, isFault }),
    async end() {
      over.abort();
      await reading;
      const columns = running.flatMap((source) => [...source.columns]);
      return { marks, values: Object.fromEntries(columns), intervals, missed };
    },
  };
}

/** Levels are of the interval's end; the rate of a counter needs the reading at its beginning. */
function keep(
  { columns, before }: RunningSource,
  { interval, atMs, reading }: { readonly interval: number; readonly atMs: number; readonly reading: TimelineReading },
): void {
  for (const [id, column] of columns) {
    const level = reading.levels[id];
    const [total, earlier] = [reading.counters[id], before?.counters[id]];
    if (level !== undefined) column[interval] = compact(level);
    else if (total !== undefined && earlier !== undefined && before?.interval === interval - 1) {
      column[interval] = compact((1_000 * (total - earlier)) / (atMs - before.atMs));
    }
  }
}

/** Six digits are more than was measured, and half the file. */
export function compact(value: number): number {
  return Number(value.toPrecision(6));
}
