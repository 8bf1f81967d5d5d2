import type { EnvironmentRequest, RunningVariant, VariantRequest } from '../environments/environment.ts';
import { createProcessesEnvironment } from '../environments/processes.ts';
import { createScratch } from '../environments/scratch.ts';
import type { SupervisedProcess } from '../environments/supervised-process.ts';
import type { MicroContext } from './micro-figure.ts';

export interface ServiceOfFigure extends Omit<VariantRequest, 'id'> {
  readonly database: EnvironmentRequest['database'];
}

/** Where a figure puts what it starts beside the service. */
export interface Workbench {
  /** Gone at the end. */
  readonly directory: string;
  /** Stops it at the end, the youngest first. */
  readonly stopAtEnd: (stoppable: Pick<SupervisedProcess, 'stop'>) => void;
}

const seed = { performances: 500, randomSeed: 1 };

/** The service with a small catalog while `work` runs; then nothing of it is left. */
export async function withService<Result>(
  { database, ...variant }: ServiceOfFigure,
  { signal, step }: MicroContext,
  work: (service: RunningVariant, workbench: Workbench) => Promise<Result>,
): Promise<Result> {
  const environment = createProcessesEnvironment({ signal });
  const scratch = await createScratch({ keep: false });
  const started: Pick<SupervisedProcess, 'stop'>[] = [];
  try {
    const [service] = await environment.up({
      database,
      variants: [{ id: 'after', ...variant }],
      seed: { ...seed, relativeTo: new Date().toISOString() },
      onStep: step,
    });
    if (!service) throw new Error('the environment came up without a service');
    return await work(service, {
      directory: scratch.path,
      stopAtEnd: (stoppable) => void started.push(stoppable),
    });
  } finally {
    for (const stoppable of started.toReversed()) await stoppable.stop();
    await environment.down();
    await scratch.remove();
  }
}
