import { createProcessesEnvironment } from '../environments/processes.ts';
import type { RunningVariant } from '../environments/environment.ts';
import type { Scratch } from '../environments/scratch.ts';
import type { GuardOutcome, VariantId } from '../evidence/schema.ts';
import { experiment } from '../experiments/performance-cache.ts';
import { judgeSlot } from '../protocol/guards.ts';
import { attempts, runJudgedSlot, runSlot, type SlotPorts, type SlotResult } from '../protocol/slot.ts';
import { slotFacts } from '../protocol/slot-facts.ts';
import { createSlotPorts } from '../slot-session.ts';
import { requireTool } from '../toolchain/require-tool.ts';

/** Both variants of performance-cache on PostgreSQL, with all of the workload's content, for short slots. */
export interface LiveLab {
  variant(id: VariantId): RunningVariant;
  /** @param ports in the place of those that a slot has */
  run(plan: LivePlan, ports?: Partial<SlotPorts>): Promise<SlotResult>;
  /** What the guards of a measured slot say of one that is labelled so. */
  judge(result: SlotResult, label?: VariantId): readonly GuardOutcome[];
  /** A slot that foreign load disturbs is run again, as in a run. @throws when all attempts were disturbed */
  undisturbed(slot: () => Promise<SlotResult>): Promise<SlotResult>;
  close(): Promise<void>;
}

export interface LivePlan {
  readonly variant: VariantId;
  /** Reads per second; default: what the variant answers with ease. */
  readonly offered?: number;
}

export interface LiveLabRequest {
  /** Top of the work tree whose service is run. */
  readonly sources: string;
  readonly scratch: Scratch;
  readonly onStep: (step: string) => void;
  readonly signal: AbortSignal;
}

const easyRates = { before: 100, after: 200 } as const;

/** Shorter than any of the experiment's own: what is meant to trip a guard trips it in seconds. */
const profile = { ...experiment.profiles.quick, warmUpSeconds: 2, windowSeconds: 3 };

/** @throws when it does not come up; nothing is left of it then */
export async function openLiveLab({ sources, scratch, onStep, signal }: LiveLabRequest): Promise<LiveLab> {
  const k6 = await requireTool('k6', onStep);
  const environment = createProcessesEnvironment({ signal });
  try {
    const variants = await environment.up({
      database: 'postgres',
      variants: experiment.variants.map(({ id, configuration }) => ({
        id,
        sources,
        configuration: { ...configuration, ...experiment.configuration(profile) },
      })),
      seed: {
        performances: experiment.content.performances,
        randomSeed: 1,
        relativeTo: `${new Date().toISOString().slice(0, 10)}T00:00:00.000Z`,
      },
      onStep,
    });
    return labOf(variants, createSlotPorts(k6.path, scratch, signal), () => environment.down());
  } catch (error) {
    await environment.down();
    throw error;
  }
}

function labOf(variants: readonly RunningVariant[], ports: SlotPorts, close: () => Promise<void>): LiveLab {
  const variantOf = (id: VariantId): RunningVariant => {
    const found = variants.find((variant) => variant.id === id);
    if (found === undefined) throw new Error(`the live lab has no variant ${id}`);
    return found;
  };
  const run: LiveLab['run'] = ({ variant, offered = easyRates[variant] }, own = {}) =>
    runSlot({ ...ports, ...own }, variantOf(variant), {
      id: `live-${variant}`,
      role: 'measured',
      script: experiment.open.script,
      offered,
      warmUpSeconds: profile.warmUpSeconds,
      windowSeconds: profile.windowSeconds,
      variables: { WRITES: 'off', SEED: '1' },
    });
  const factsOf = ({ slot, samples }: SlotResult, label: VariantId = slot.variant) => {
    const readings = new Map(samples.map(({ metric, value }) => [metric, value]));
    return slotFacts({ experiment, profile, rate: slot.offered }, { ...slot, variant: label }, readings);
  };
  const judge: LiveLab['judge'] = (result, label) =>
    judgeSlot(experiment.guards.measured, factsOf(result, label), experiment.guardLimits);
  return {
    variant: variantOf,
    run,
    judge,
    async undisturbed(slot) {
      const judged = await runJudgedSlot(slot, (result) => {
        const guards = judgeSlot(['foreign-cpu', 'steal'], factsOf(result), experiment.guardLimits);
        return { guards, disturbed: guards.some(({ held }) => !held) };
      });
      const broken = judged.slot.guards.find(({ held }) => !held);
      if (broken === undefined) return judged;
      throw new Error(
        `${attempts} attempts were disturbed, the last by ${broken.observed}: run it when the machine does nothing else`,
      );
    },
    close,
  };
}
