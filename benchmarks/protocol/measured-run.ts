import type { Environment, RunningVariant } from '../environments/environment.ts';
import { type Binary, readCommit } from '../evidence/fingerprint.ts';
import type { OwnedSettings } from '../evidence/part-settings.ts';
import type { GuardOutcome, LatencyHistogram, RunRecord, Sample, Slot, VariantId } from '../evidence/schema.ts';
import { annotateBlock, annotateSlot } from './annotation.ts';
import { drawBlockOrders } from './block-orders.ts';
import { checkCommit, checkContent, checkVisibilityMap } from './content.ts';
import { compareAnswers } from './equal-answers.ts';
import type { Experiment, Profile } from './experiment.ts';
import { isDisturbed, judgeSlot } from './guards.ts';
import type { Progress } from './progress.ts';
import {
  type JudgedSlot,
  loadSeconds,
  runJudgedSlot,
  runSlot,
  type SlotPlan,
  type SlotPorts,
  type SlotResult,
} from './slot.ts';
import { slotFacts } from './slot-facts.ts';

export interface RunRequest {
  readonly id: string;
  readonly command: string;
  readonly experiment: Experiment;
  readonly profile: Profile;
  readonly database: RunRecord['database'];
  readonly seed: number;
  readonly environment: Environment;
  readonly containers?: RunRecord['containers'];
  /** What the report says beside the experiment's own limits. */
  readonly environmentLimits?: readonly string[];
  readonly ports: SlotPorts;
  readonly binaries: readonly Binary[];
  readonly progress: Progress;
}

/** The run while it goes on: what was measured so far, and everything a slot needs. */
export class MeasuredRun {
  readonly request: RunRequest;
  readonly slots: Slot[] = [];
  /** Attempts at slots that were made again. */
  readonly discarded: Slot[] = [];
  readonly settings: OwnedSettings[] = [];
  readonly samples: Sample[] = [];
  readonly latencies: LatencyHistogram[] = [];
  readonly guards: GuardOutcome[] = [];
  variants: readonly RunningVariant[] = [];
  rate = 0;
  calibrationMet = false;
  private contentSamples: readonly { metric: string; value: number; unit: string }[] = [];
  /** How many slots with writes each variant has had: the same number means the same writes. */
  private readonly written: Record<VariantId, number> = { before: 0, after: 0 };

  constructor(request: RunRequest) {
    this.request = request;
  }

  variant(id: VariantId): RunningVariant {
    const variant = this.variants.find((candidate) => candidate.id === id);
    if (variant === undefined) throw new Error(`the environment did not bring up the variant ${id}`);
    return variant;
  }

  async up(): Promise<void> {
    const { environment, experiment, profile, progress, database, seed } = this.request;
    this.variants = await environment.up({
      database,
      variants: experiment.variants.map(({ id, configuration, workers }) => ({
        id,
        workers,
        configuration: { ...configuration, ...experiment.configuration(profile) },
      })),
      seed: {
        performances: experiment.content.performances,
        randomSeed: seed,
        relativeTo: `${new Date().toISOString().slice(0, 10)}T00:00:00.000Z`,
      },
      onStep: (step) => progress.step(step),
    });
    const { performances, showtimesPerPerformance } = experiment.content;
    const { commit } = await readCommit();
    for (const variant of this.variants) {
      this.guards.push(
        await checkContent(variant, { performances, showtimes: performances * showtimesPerPerformance }),
        ...(await checkVisibilityMap(variant)),
        await checkCommit(variant, variant.commit ?? commit),
      );
      this.settings.push({ owner: variant.id, parts: [...(await variant.readSettings())] });
    }
    this.contentSamples = await experiment.describeContent(this.variant('before'));
  }

  async blocks(): Promise<void> {
    const { experiment, profile, progress, seed, ports } = this.request;
    const orders = drawBlockOrders(seed, profile.blocks);
    for (const [index, order] of orders.entries()) {
      const block = index + 1;
      if (index % profile.blocksBetweenRestarts === 0) await this.restart(block);
      for (const [place, variant] of order.entries()) {
        progress.step(`block ${block}/${profile.blocks} · slot ${place + 1}/4 · ${variant}`);
        const { samples } = await this.slot(variant, {
          id: `block-${String(block).padStart(2, '0')}-${place + 1}`,
          role: 'measured',
          block,
          position: place + 1,
          ...this.openPlan(this.rate),
        });
        const name = `${String(block).padStart(2)}.${place + 1} ${variant}`.padEnd(12);
        progress.note(`  ${name} database ${databaseCpuPercent(samples).toFixed(1).padStart(5)} % of a core`);
      }
      const pair = [this.variant('before'), this.variant('after')] as const;
      const answers = await compareAnswers(pair, experiment.comparedPaths, ports.signal);
      this.guards.push({ ...answers, guard: `${answers.guard}-${block}` });
      await ports.annotate?.(annotateBlock(this.request.id, block, this.slots));
    }
  }

  /** New services for both variants, each warmed by one slot that is thrown away: code not yet compiled costs more. */
  private async restart(block: number): Promise<void> {
    const { environment, experiment, profile, progress } = this.request;
    progress.step('restarting the services');
    this.variants = await environment.restartServices();
    const { commit } = await readCommit();
    for (const variant of this.variants) {
      const outcome = await checkCommit(variant, variant.commit ?? commit);
      this.guards.push({ ...outcome, guard: `${outcome.guard}-block-${block}` });
      progress.step(`warming up · ${variant.id}`);
      await this.load(variant, {
        id: 'warm-up',
        role: 'calibration',
        script: experiment.open.script,
        offered: this.rate,
        ...profile.calibration,
        variables: { WRITES: 'off', SEED: String(this.request.seed) },
      });
    }
  }

  async sweep(): Promise<void> {
    for (const fraction of this.request.profile.sweep) {
      const rate = Math.round(fraction * this.rate);
      for (const variant of ['before', 'after'] as const) {
        this.request.progress.step(`sweep · ${rate} reads/s · ${variant}`);
        const id = `sweep-${String(Math.round(100 * fraction)).padStart(3, '0')}-${variant}`;
        await this.slot(variant, { id, role: 'sweep', ...this.openPlan(rate) });
      }
    }
  }

  /** The users' think time makes them offer the rate of the blocks; they warm up until all have come. */
  async closed(): Promise<void> {
    const { closed } = this.request.experiment;
    if (closed === undefined) return;
    const thinkSeconds = closed.virtualUsers / this.rate;
    for (const variant of ['before', 'after'] as const) {
      this.request.progress.step(`${closed.virtualUsers} virtual users · ${variant}`);
      await this.slot(variant, {
        id: `closed-${variant}`,
        role: 'closed',
        script: closed.script,
        offered: closed.virtualUsers,
        warmUpSeconds: thinkSeconds + this.request.profile.warmUpSeconds,
        windowSeconds: Math.max(closed.windowSeconds, this.request.profile.windowSeconds),
        variables: {
          ...this.nextVariables(variant),
          VIRTUAL_USERS: String(closed.virtualUsers),
          THINK_SECONDS: String(thinkSeconds),
        },
      });
    }
  }

  async checkOutcome(): Promise<void> {
    const { experiment } = this.request;
    for (const variant of this.variants) this.guards.push(...((await experiment.checkOutcome?.(variant)) ?? []));
  }

  openPlan(rate: number): Omit<SlotPlan, 'id' | 'role' | 'variables'> {
    const { experiment, profile } = this.request;
    const { warmUpSeconds, windowSeconds } = profile;
    return { script: experiment.open.script, offered: rate, warmUpSeconds, windowSeconds };
  }

  private nextVariables(variant: VariantId): Record<string, string> {
    const slotOfVariant = this.written[variant];
    this.written[variant] += 1;
    return {
      WRITES: 'on',
      WRITE_INDEX: String(1000 * slotOfVariant),
      SEED: String(this.request.seed + slotOfVariant),
    };
  }

  async slot(id: VariantId, plan: Omit<SlotPlan, 'variables'> & Partial<SlotPlan>): Promise<JudgedSlot> {
    const { experiment, profile, ports } = this.request;
    const variables = plan.variables ?? this.nextVariables(id);
    const complete = { ...plan, variables: { SEED: String(this.request.seed), ...variables } };
    const judged = await runJudgedSlot(
      () => this.load(this.variant(id), complete),
      (result) => {
        const readings = new Map(result.samples.map(({ metric, value }) => [metric, value]));
        const facts = slotFacts({ experiment, profile, rate: this.rate }, { ...plan, variant: id }, readings);
        return {
          guards: judgeSlot(experiment.guards[plan.role], facts, experiment.guardLimits),
          disturbed: isDisturbed(facts, experiment.guardLimits),
        };
      },
    );
    this.slots.push(judged.slot);
    await ports.annotate?.(annotateSlot(this.request.id, judged.slot));
    this.samples.push(...judged.samples, ...(plan.role === 'measured' ? this.describe(plan.id) : []));
    this.latencies.push(...judged.latencies);
    for (const { slot, samples, latencies } of judged.discarded) {
      this.discarded.push(slot);
      this.samples.push(...samples);
      this.latencies.push(...latencies);
    }
    return judged;
  }

  /** One slot from rest to rest. */
  private async load(variant: RunningVariant, plan: SlotPlan): Promise<SlotResult> {
    const { experiment, ports } = this.request;
    const { signal } = ports;
    const prepared = await experiment.prepareLoad?.({ variant, durationSeconds: loadSeconds(plan), signal });
    const result = await runSlot(ports, variant, { ...plan, variables: { ...plan.variables, ...prepared } });
    await experiment.settleLoad?.(variant, signal);
    return result;
  }

  private describe(slot: string): Sample[] {
    return this.contentSamples.map((sample) => ({ slot, ...sample, source: 'the content, read once before the run' }));
  }
}

export function sampleOf(samples: readonly Sample[], metric: string): number {
  return samples.find((sample) => sample.metric === metric)?.value ?? Number.NaN;
}

export function databaseCpuPercent(samples: readonly Sample[]): number {
  return (100 * sampleOf(samples, 'database_cpu_seconds')) / sampleOf(samples, 'window_seconds');
}
