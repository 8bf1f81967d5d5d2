import type { ProfileName } from '../../protocol/experiment.ts';
import type {
  OpenSeries,
  SeriesDefinition,
  SeriesRequest,
  TrialContext,
  TrialOutcome,
} from '../../protocol/trial-experiment.ts';
import { runKillStorm } from '../kill-storm.ts';
import { lateRecoveries, longestRecoveryMs } from '../late-recoveries.ts';
import { openInspectedSeries } from '../open-inspected-series.ts';
import type { QueueInspection } from '../queue-inspection.ts';
import { settle, waitForQuiet } from '../settlement.ts';
import type { Stage } from '../stage.ts';
import { withTrialLoad } from '../trial-load.ts';

/** 15 s is the service's default. */
const minIdleMs: Readonly<Record<ProfileName, number>> = { quick: 3_000, full: 15_000 };
const expectedSecondsOf = (profile: ProfileName): number => minIdleMs[profile] / 1_000 + 2;
const workers = 3;
const pauseMs = { from: 200, to: 800 };
const seatsPerJob = 10;
const perSecond = 500;
const trials: Readonly<Record<ProfileName, { readonly count: number; readonly jobs: number; readonly kills: number }>> =
  {
    quick: { count: 1, jobs: 5_000, kills: 10 },
    full: { count: 20, jobs: 10_000, kills: 5 },
  };

export const consumerSigkill: SeriesDefinition = {
  id: 'consumer-sigkill',
  label: 'consumer SIGKILL',
  how: `${workers} workers, one at random killed every ${pauseMs.from} to ${pauseMs.to} ms and put back at once; ${perSecond} jobs of ${seatsPerJob} seats a second; minimum idle time ${minIdleMs.quick / 1_000} s (full: ${minIdleMs.full / 1_000} s)`,
  mustHold: `0 lost, 0 duplicate; what a victim held is settled, expected within ${expectedSecondsOf('quick')} s (full: ${expectedSecondsOf('full')} s)`,
  role: 'promise',
  mayLose: false,
  trials: { quick: trials.quick.count, full: trials.full.count },
  open: openConsumerKills,
};

function openConsumerKills(request: SeriesRequest): Promise<OpenSeries> {
  const { profile } = request;
  return openInspectedSeries(
    request,
    { workers, minIdleMs: minIdleMs[profile] },
    (stage, inspection) => (context) => runTrial(stage, inspection, { profile, context }),
  );
}

async function runTrial(
  stage: Stage,
  inspection: QueueInspection,
  { profile, context }: { readonly profile: ProfileName; readonly context: TrialContext },
): Promise<TrialOutcome> {
  const { jobs, kills } = trials[profile];
  const expectedSeconds = expectedSecondsOf(profile);
  const { signal } = context;
  const storm = { kills, pauseMs, settledWithinMs: longestRecoveryMs(expectedSeconds) };
  try {
    const load = { jobs, seatsPerJob, pace: { perSecond } };
    return await withTrialLoad(stage, { load, context }, async (running) => {
      const { ledger } = running;
      let isOver = false;
      const submitted = running.submit().finally(() => (isOver = true));
      // Awaited below; until then a rejection is nobody's.
      submitted.catch(() => undefined);
      const isLoadOver = (): boolean => isOver;
      const { recoveries, ...damage } = await runKillStorm(stage, { storm, inspection, context, isLoadOver });
      await submitted;
      context.step('waiting until others have what the victims held');
      const recoverySeconds = (await Promise.all(recoveries)).filter((seconds) => seconds !== undefined);
      await waitForQuiet(stage, ledger, { stillMs: minIdleMs[profile] + 5_000, timeoutMs: 120_000, signal });
      const settlement = await settle(stage, ledger);
      const late = lateRecoveries(recoverySeconds, { faults: damage.faults, expectedSeconds });
      const few = damage.faults < kills ? [`${damage.faults} of ${kills} kills met work in flight`] : [];
      return {
        ...settlement,
        ...damage,
        recoverySeconds,
        values: {},
        problems: [...settlement.problems, ...late, ...few],
      };
    });
  } finally {
    for (const worker of stage.workers) if (!worker.isRunning()) await worker.launch();
  }
}
