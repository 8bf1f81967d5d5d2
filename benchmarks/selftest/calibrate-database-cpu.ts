import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import type { RunningVariant } from '../environments/environment.ts';
import { openProbes } from '../probes/variant-probes.ts';
import { type CpuCalibration, probes } from './cpu-calibration.ts';
import { type KnownBurn, usedBetween } from './known-burn.ts';

/** CPU-seconds of the database since whenever, by the name of who reads them. */
type ReadSeconds = () => Promise<Readonly<Record<string, number>>>;

/**
 * Known and read in one window, by all probes of the lab, as in a slot, and by `others` beside them; then in a window
 * of the same length in which nothing burns.
 */
export async function calibrateDatabaseCpu(
  variant: RunningVariant,
  burn: KnownBurn,
  others: ReadSeconds,
): Promise<CpuCalibration> {
  // In the place of the generator, which the probes want to see.
  const generator = spawn('sleep', ['60'], { stdio: 'ignore' });
  const opened = await openProbes(variant, generator.pid ?? 0);
  const read = async () => {
    const { monotonicSeconds, readings } = await opened.read();
    const counters = new Map(readings.flatMap(({ counters: own }) => Object.entries(own)));
    const own = Object.fromEntries(probes.map((name) => [name, counters.get(name) ?? Number.NaN]));
    return { monotonicSeconds, seconds: { ...own, ...(await others()) } };
  };
  try {
    const from = await read();
    const told = [await burn.clocks()];
    const rounds = await burn.burn();
    told.push(await burn.clocks());
    const to = await read();
    const windowSeconds = to.monotonicSeconds - from.monotonicSeconds;
    await Promise.all([burn.comeAndGo(rounds), sleep(1000 * windowSeconds)]);
    told.push(await burn.clocks());
    const idleTo = await read();
    const [start = new Map(), burned = start, idle = burned] = told;
    return {
      description: burn.description,
      windowSeconds,
      known: usedBetween(start, burned) - usedBetween(burned, idle),
      idle: grown(to.seconds, idleTo.seconds),
      read: grown(from.seconds, to.seconds),
    };
  } finally {
    await opened.close();
    generator.kill();
    await once(generator, 'exit');
  }
}

function grown(
  earlier: Readonly<Record<string, number>>,
  later: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(later).map(([reader, seconds]) => [reader, seconds - (earlier[reader] ?? Number.NaN)]),
  );
}
