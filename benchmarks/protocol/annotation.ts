import type { Slot } from '../evidence/schema.ts';
import type { Trial } from '../evidence/trials-schema.ts';

/** A span of a run, for the dashboards on which somebody watches it. */
export interface Annotation {
  readonly from: Date;
  readonly to: Date;
  readonly text: string;
  /** `run:<id>`, `variant:before`, `block:3`; in trials `series:<id>`, `trial:2`. */
  readonly tags: readonly string[];
}

/** Never rejects: what is drawn beside a run is no part of it. */
export type Annotate = (annotation: Annotation) => Promise<void>;

/** The measured window of a slot. */
export function annotateSlot(run: string, slot: Slot): Annotation {
  const fromMs = Date.parse(slot.startedAt) + slot.warmUpSeconds * 1_000;
  const block = slot.block === undefined ? [] : [`block:${slot.block}`];
  return {
    from: new Date(fromMs),
    to: new Date(fromMs + slot.windowSeconds * 1_000),
    text: `${run}: ${slot.id}, ${slot.variant}, ${slot.role}, ${slot.offered} offered`,
    tags: [`run:${run}`, `variant:${slot.variant}`, ...block],
  };
}

/** From the start of its first slot to the end of its last one. */
export function annotateBlock(run: string, block: number, slots: readonly Slot[]): Annotation {
  const spans = slots.filter((slot) => slot.block === block).map((slot) => annotateSlot(run, slot));
  return {
    from: new Date(Math.min(...spans.map(({ from }) => from.getTime()))),
    to: new Date(Math.max(...spans.map(({ to }) => to.getTime()))),
    text: `${run}: block ${block}`,
    tags: [`run:${run}`, `block:${block}`],
  };
}

/** From its load to its last look. */
export function annotateTrial(
  run: string,
  { series, trial, startedAt, seconds }: Pick<Trial, 'series' | 'trial' | 'startedAt' | 'seconds'>,
): Annotation {
  const from = new Date(startedAt);
  return {
    from,
    to: new Date(from.getTime() + seconds * 1_000),
    text: `${run}: ${series}, trial ${trial}`,
    tags: [`run:${run}`, `series:${series}`, `trial:${trial}`],
  };
}

export function annotateRun(
  run: string,
  { from, to, title }: { readonly from: Date; readonly to: Date; readonly title: string },
): Annotation {
  return { from, to, text: `${run}: ${title}`, tags: [`run:${run}`] };
}
