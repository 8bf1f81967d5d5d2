import { binomialUpperBound } from '../analysis/binomial-bound.ts';
import type { Calibration } from '../gate/calibration-record.ts';
import { judgeGate } from '../gate/judge-gate.ts';
import { formatUpperBound } from './formats.ts';

/** What shields.io draws a badge from: https://shields.io/badges/endpoint-badge */
export interface EndpointBadge {
  readonly schemaVersion: 1;
  readonly label: string;
  readonly message: string;
  readonly color: 'brightgreen' | 'orange' | 'red' | 'lightgrey';
}

/** A false alarm in five gates is one that nobody heeds. */
const tolerableFalseAlarms = 0.2;

/**
 * How often the gate has failed a commit against itself. The bound is Clopper and Pearson's at 95 %: few gates without
 * an alarm are no proof of a quiet gate, and the badge is not green before the bound is low.
 */
export function gateBadge({ gates }: Pick<Calibration, 'gates'>): EndpointBadge {
  const verdicts = gates.map((gate) => judgeGate(gate).verdict).filter((verdict) => verdict !== 'INVALID');
  const alarms = verdicts.filter((verdict) => verdict === 'FAIL').length;
  const common = { schemaVersion: 1, label: 'gate' } as const;
  if (verdicts.length === 0) return { ...common, message: 'not calibrated', color: 'lightgrey' };
  const bound = binomialUpperBound(alarms, verdicts.length);
  const message = `${alarms} of ${verdicts.length} false alarms, ${formatUpperBound(bound)} at most`;
  if (alarms / verdicts.length > tolerableFalseAlarms) return { ...common, message, color: 'red' };
  return { ...common, message, color: bound > tolerableFalseAlarms ? 'orange' : 'brightgreen' };
}
