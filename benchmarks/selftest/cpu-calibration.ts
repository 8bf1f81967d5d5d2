/** What readers of the database's CPU time say of a window in which it is known. All in CPU-seconds but the window. */
export interface CpuCalibration {
  /** Who burned. */
  readonly description: string;
  readonly windowSeconds: number;
  /** What was burned beyond what the same processes used in the window in which they burned nothing. */
  readonly known: number;
  /** Of the database in a window of the same length in which processes come and go alike and nobody burns; by reader. */
  readonly idle: Readonly<Record<string, number>>;
  /** By reader, idle included: `probes`, and those of controls. */
  readonly read: Readonly<Record<string, number>>;
}

/** What the guards hold against each other. */
export const probes = ['database_cpu_seconds', 'database_cpu_seconds_second_source'] as const;
const toleratedShare = 0.02;
const idleShareAtMost = 0.1;
/** The second source counts every process in steps of 10 ms; it is there to find what is far off. */
const toleratedSeconds: Readonly<Record<string, number>> = { database_cpu_seconds_second_source: 0.05 };

/** By how much of what is known a reader was off, once what it read while nobody burned is taken off. */
export function shareOff({ known, idle, read }: CpuCalibration, reader: string): number {
  const [seconds, idleSeconds] = [read[reader], idle[reader]];
  if (seconds === undefined || idleSeconds === undefined) throw new Error(`nobody has read "${reader}"`);
  return (seconds - idleSeconds) / known - 1;
}

/**
 * A line for each of these readers that is off by more than 2 % (the second source: or 50 ms, if that is more), and for
 * idle time that is too long to be taken off.
 */
export function objectionsTo(calibration: CpuCalibration, readers: readonly string[] = probes): readonly string[] {
  const { known, idle } = calibration;
  return readers.flatMap((reader) => {
    const off = shareOff(calibration, reader);
    const tolerated = Math.max(toleratedShare, (toleratedSeconds[reader] ?? 0) / known);
    const idleShare = (idle[reader] ?? Number.NaN) / known;
    return [
      ...(Math.abs(off) <= tolerated ? [] : [`${reader} is off by ${percent(off)} of ${known.toFixed(3)} s known`]),
      ...(idleShare <= idleShareAtMost ? [] : [`${reader} is ${percent(idleShare)} of the known burn when idle`]),
    ];
  });
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
