import { spawnService } from '../environments/service-process.ts';
import { logTail } from '../environments/supervised-process.ts';
import type { StageContent } from './stage.ts';
import type { StageProcesses } from './stage-processes.ts';

/** Migrates the database and fills it. @throws with the end of the command's log when it fails */
export async function seedStageDatabase(
  databaseUrl: string,
  { performances, randomSeed, relativeTo }: StageContent,
  processes: StageProcesses,
): Promise<void> {
  const seeding = await processes.launch(() =>
    spawnService({
      name: 'seed',
      directory: processes.directory,
      configuration: { DATABASE_URL: databaseUrl },
      entry: [
        'service/src/seed.ts',
        `--performances=${performances}`,
        `--random-seed=${randomSeed}`,
        `--relative-to=${relativeTo}`,
      ],
    }),
  );
  const how = await seeding.ended;
  if (how !== 'exit status 0') throw new Error(`the seed command ended with ${how}:\n${await logTail(seeding)}`);
}
