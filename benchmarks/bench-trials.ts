import { randomInt } from 'node:crypto';
import path from 'node:path';
import process from 'node:process';

import { type BenchRequest, nameParts } from './bench-request.ts';
import type { PreparedContainers } from './environments/container-stacks.ts';
import { type Binary, readCommit, takeFingerprint } from './evidence/fingerprint.ts';
import type { TrialsEvidence } from './evidence/trials-schema.ts';
import { writeEvidence } from './evidence/write-evidence.ts';
import { createGrafanaAnnotations, grafanaAddress } from './grafana-annotations.ts';
import { createProgress } from './protocol/progress.ts';
import { runTrials } from './protocol/run-trials.ts';
import type { TrialExperiment } from './protocol/trial-experiment.ts';
import { openTrialJournal, type TrialJournal } from './protocol/trial-journal.ts';
import { inRunFolder } from './run-folder.ts';
import { serverTools } from './slot-session.ts';
import { setUpTools } from './toolchain/set-up-tools.ts';

const journalsFolder = path.join(import.meta.dirname, '..', '.data', 'trials');

export interface TrialsBenchRequest extends BenchRequest {
  readonly experiment: TrialExperiment;
  /** Does this run again, but for its seed. */
  readonly command: string;
}

/**
 * Runs an experiment in trials, or what an interrupted run of it has left to do, and leaves its evidence: resolves to
 * the folder.
 */
export async function benchTrials(request: TrialsBenchRequest): Promise<string> {
  const { experiment, profile, database, environment, output } = request;
  const grafana = grafanaAddress(process.env);
  refuseEnvironment(request);
  const tools = await setUpTools(serverTools({ database, environment }), output);
  const binaries = [...tools, { name: 'node', version: process.version, path: process.execPath }];
  const progress = createProgress(output);
  const journal = await openJournal(request, binaries, (text) => progress.note(text));
  try {
    progress.note(`${experiment.title}: ${profile} profile, ${database}, seed ${journal.seed}`);
    const command = `${request.command} SEED=${journal.seed}`;
    const annotate = grafana && createGrafanaAnnotations(grafana, (text) => progress.note(text));
    const containers = await prepareIfAsked(request, (step) => progress.step(step));
    const evidence = await runTrials({
      ...request,
      id: experiment.id,
      command,
      binaries,
      progress,
      journal,
      annotate,
      containers,
    });
    const { run, trials } = evidence;
    // Claimed now: a run that is killed and gone on with on another day must leave no empty folder.
    const folder = await inRunFolder(nameParts(experiment.id, request), (claimed) =>
      writeEvidence(claimed, { run: { ...run, id: path.basename(claimed) }, trials }),
    );
    if (isComplete(evidence)) await journal.remove();
    else progress.note('  finished trials are kept: the same command goes on with those that broke');
    return folder;
  } catch (error) {
    progress.note(`  the trials that were finished are kept: the same command goes on after them`);
    throw error;
  } finally {
    journal.close();
    progress.close();
  }
}

function refuseEnvironment({ experiment, environment }: TrialsBenchRequest): void {
  if (environment === 'processes' || experiment.environments?.includes(environment) === true) return;
  throw new Error(`the faults of ${experiment.id} are done to processes: run it without ENVIRONMENT=${environment}`);
}

async function prepareIfAsked(
  { environment, containers = {} }: TrialsBenchRequest,
  onStep: (step: string) => void,
): Promise<PreparedContainers | undefined> {
  if (environment === 'processes') return undefined;
  const { prepareContainers } = await import('./environments/container-stacks.ts');
  return prepareContainers(containers, onStep);
}

function isComplete({ run: { experiment, skipped }, trials }: TrialsEvidence): boolean {
  const ran = experiment.series.filter(({ id }) => !skipped.some(({ series }) => series === id));
  return trials.length === ran.reduce((sum, series) => sum + series.trials, 0);
}

async function openJournal(
  request: TrialsBenchRequest,
  binaries: readonly Binary[],
  note: (text: string) => void,
): Promise<TrialJournal> {
  const { experiment, profile, database, environment, seed } = request;
  return openTrialJournal({
    folder: path.join(journalsFolder, nameParts(experiment.id, request).join('-')),
    conditions: {
      experiment: experiment.id,
      series: experiment.series.map(({ id, trials }) => [id, trials[profile]]),
      profile,
      database,
      ...(environment === 'containers' && { environment }),
      ...(await readCommit()),
      fingerprint: await takeFingerprint(binaries),
    },
    seed,
    drawSeed: () => randomInt(2 ** 31),
    note,
  });
}
