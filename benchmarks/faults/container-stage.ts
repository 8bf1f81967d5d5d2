import { killContainer, type RunningContainer, startContainer } from '../environments/container-engine.ts';
import { type BenchStack, deployBenchStack, type PreparedContainers } from '../environments/container-stacks.ts';
import { apiUrlOf, configuredParts, partOf, untilReady } from '../environments/containers.ts';
import { onFreePort, onSamePort } from '../environments/free-port.ts';
import { createScratch } from '../environments/scratch.ts';
import { pinnedConfiguration } from '../environments/service-configuration.ts';
import { readPartSettings } from '../probes/part-settings.ts';
import { createHalls, createVenue } from './create-halls.ts';
import { openPostgresAudit } from './postgres-audit.ts';
import { readQueueLeft } from './queue-inspection.ts';
import type { CrashStage, CrashStageRequest, KillableService } from './stage.ts';

const service = 'api-1';

/**
 * A stage of containers that is up, its one service with `ROLE=all`. It outlives a lab that is killed; the next run takes
 * it away.
 *
 * @throws what the signal was aborted with, or why it did not come up; then nothing is left of it
 */
export async function openContainerStage(
  request: CrashStageRequest,
  prepared: PreparedContainers,
): Promise<CrashStage> {
  const { database, seatCreation, minIdleMs, signal } = request;
  if (database === 'sqlite') {
    throw new Error('in containers SQLite is a file in a volume, which no audit reaches: DATABASE=postgres');
  }
  // Clients ask again where they have asked before: of all ports this one is to be the same after a kill.
  const stack = await onFreePort((apiPort) =>
    deployBenchStack({
      stackName: `crash-${seatCreation}`,
      prepared,
      settings: {
        apiPort,
        serviceVariables: {
          ...pinnedConfiguration(database),
          SEAT_CREATION: seatCreation,
          SEAT_CREATION_MIN_IDLE_MS: String(minIdleMs),
        },
      },
      signal,
      onStep: (step) => request.step(step),
    }),
  );
  const scratch = await createScratch({ keep: false });
  const close = async (): Promise<void> => {
    await stack.down();
    await scratch.remove();
  };
  try {
    return await describe(stack, { directory: scratch.path, close });
  } catch (error) {
    await close();
    throw signal.aborted ? signal.reason : error;
  }
}

async function describe(
  stack: BenchStack,
  { directory, close }: Pick<CrashStage, 'directory' | 'close'>,
): Promise<CrashStage> {
  const containers = await stack.containers();
  const { apiToken } = stack.secrets;
  const configured = configuredParts(stack, containers);
  const api = partOf(containers, service);
  const apiUrl = apiUrlOf(api);
  const venueId = await createVenue({ apiUrl, apiToken });
  const settings = await readPartSettings(configured);
  const { audit, close: closeAudit } = openPostgresAudit(configured.database.adminConnectionString);
  return {
    database: { audit },
    settings,
    apis: [createKillableService(stack, api, apiUrl)],
    apiToken,
    directory,
    createHalls: (count, seatsEach) => createHalls({ apiUrl, apiToken }, venueId, { count, seatsEach }),
    queueLeft: () => readQueueLeft({ url: configured.redisQueueUrl }),
    async close() {
      await closeAudit();
      await close();
    },
  };
}

function createKillableService(stack: BenchStack, { name }: RunningContainer, apiUrl: string): KillableService {
  let isRunning = true;
  return {
    apiUrl,
    isRunning: () => isRunning,
    async kill() {
      isRunning = false;
      await killContainer(name);
    },
    async start() {
      await onSamePort(() => startContainer(name));
      await untilReady(partOf(await stack.containers(), service));
      isRunning = true;
    },
  };
}
