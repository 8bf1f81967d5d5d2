import { createProcessesEnvironment } from '../environments/processes.ts';
import type { Counters } from '../gate/counters.ts';
import { CouldNotRunError } from '../protocol/could-not-run-error.ts';
import { countedPerformances, countPass } from './counter-pass.ts';
import { serviceUnderGate } from './service-under-gate.ts';

export interface CountRequest {
  /** Top of the work tree whose service is counted. */
  readonly sources: string;
  readonly onStep: (step: string) => void;
  readonly signal: AbortSignal;
}

/** Far away, so that no showtime is over on any day: every answer is the same for ever. */
const relativeTo = '2100-01-01T00:00:00.000Z';

/**
 * The exact counters of one work tree: its service on a database that it has filled itself, in an environment that comes
 * and goes.
 *
 * @throws {CouldNotRunError} when it does not come up, or gives a wrong answer
 */
export async function countSources({ sources, onStep, signal }: CountRequest): Promise<Counters> {
  const environment = createProcessesEnvironment({ signal });
  try {
    const [variant] = await environment.up({
      database: 'postgres',
      variants: [{ id: 'after', sources, configuration: { ...serviceUnderGate, ...withoutHeartbeats } }],
      seed: { performances: countedPerformances, randomSeed: 1, relativeTo },
      onStep,
    });
    if (variant === undefined) throw new Error('the environment brought up no variant');
    onStep('counting');
    return await countPass(variant);
  } catch (error) {
    signal.throwIfAborted();
    throw new CouldNotRunError(`the service in ${sources} cannot be counted`, error);
  } finally {
    await environment.down();
  }
}

/** A consumer gives a sign of life every third of this: none falls into the pass. */
const withoutHeartbeats = { SEAT_CREATION_MIN_IDLE_MS: '600000' };
