import type { EnvironmentRequest } from './environment.ts';
import { spawnService } from './service-process.ts';
import { logTail, type SupervisedProcess } from './supervised-process.ts';

/** Called with every process as soon as it has been started, so that it can be ended at any time. */
export type OnProcess = (process: SupervisedProcess) => void;

export interface SeedCommand {
  /** DATABASE_URL of the service. */
  readonly url: string;
  readonly seed: EnvironmentRequest['seed'];
  /** Gets the log. */
  readonly directory: string;
  /** Of the command; see `VariantRequest`. */
  readonly sources?: string | undefined;
  readonly onProcess: OnProcess;
}

/** Fills a database by the service's own seed command. @throws with the end of its log when it fails */
export async function runSeedCommand({ url, seed, directory, sources, onProcess }: SeedCommand): Promise<void> {
  const seeding = await spawnService({
    name: 'seed',
    directory,
    configuration: { DATABASE_URL: url },
    entry: [
      'service/src/seed.ts',
      `--performances=${seed.performances}`,
      `--random-seed=${seed.randomSeed}`,
      `--relative-to=${seed.relativeTo}`,
    ],
    sources,
  });
  onProcess(seeding);
  const how = await seeding.ended;
  if (how !== 'exit status 0') throw new Error(`the seed command ended with ${how}:\n${await logTail(seeding)}`);
}
