import type { RunningVariant } from '../environments/environment.ts';
import type { Sample } from '../evidence/schema.ts';

export type WindowSample = Omit<Sample, 'slot'>;

/** Reads every counter at the two edges of a window, and at no other time. */
export interface WindowMeter {
  start(): Promise<void>;
  /** The window's samples; `window_seconds` is the time between the two readings. */
  stop(): Promise<readonly WindowSample[]>;
  close(): Promise<void>;
}

export type OpenWindowMeter = (variant: RunningVariant, generatorProcessId: number) => Promise<WindowMeter>;
