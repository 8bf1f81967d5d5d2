import type { LiveLab } from './live-lab.ts';

/** What a case may use. */
export interface SelfTestContext {
  /** Top of a work tree of HEAD, which a case may change as long as it puts everything back. */
  readonly sources: string;
  readonly onStep: (step: string) => void;
  readonly signal: AbortSignal;
  /** Comes up with the first case that asks for it; a case puts back what it hurts, unless it is among the last. */
  readonly lab: () => Promise<LiveLab>;
}

/** Something wrong on purpose, and what must be said about it: a check that lets it pass is blind. */
export interface SelfTestCase {
  readonly name: string;
  /** One of the lines must match. `nothing`: the healthy case, about which there must be none. */
  readonly mustSay: RegExp | 'nothing';
  /** Plants it, runs the check, and resolves to what the check objected to, a line each. */
  readonly run: (context: SelfTestContext) => Promise<readonly string[]>;
}

export interface SelfTestOutcome {
  readonly name: string;
  readonly caught: boolean;
  /** The line that caught it, or what was said instead. */
  readonly said: string;
  readonly seconds: number;
}

/** @throws with the signal's reason; whatever else a case throws is said instead of what it must say */
export async function runCase(
  { name, mustSay, run }: SelfTestCase,
  context: SelfTestContext,
): Promise<SelfTestOutcome> {
  const startedAt = performance.now();
  const outcome = (caught: boolean, said: string): SelfTestOutcome => {
    return { name, caught, said, seconds: (performance.now() - startedAt) / 1000 };
  };
  let lines: readonly string[];
  try {
    lines = await run(context);
  } catch (error) {
    context.signal.throwIfAborted();
    return outcome(false, `broke: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (mustSay === 'nothing') return outcome(lines.length === 0, lines[0] ?? 'nothing, as it must');
  const matching = lines.find((line) => mustSay.test(line));
  return outcome(matching !== undefined, matching ?? lines[0] ?? 'nothing');
}
