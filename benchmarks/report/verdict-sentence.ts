import { analyzeRun } from '../analysis/analyze-run.ts';
import type { Analysis } from '../analysis/analyze-run.ts';
import { claimedLocation } from '../analysis/verdict.ts';
import type { Evidence, RunRecord } from '../evidence/schema.ts';

import { changeInWords, formatConfidence, formatEstimate, formatNumber, formatQuantity } from './formats.ts';

/** The verdict in words, with its number and interval; an invalid run gives its reasons and no number. */
export function verdictSentence(evidence: Evidence, analysis: Analysis = analyzeRun(evidence)): string {
  const { run } = evidence;
  const { verdict, primary } = analysis;
  const { name, reasons } = verdict;
  if (name === 'INVALID') return `INVALID. This run proves nothing: ${reasons.join('; ')}.`;
  const words = [`${name}.`];
  if (name === 'INCONCLUSIVE') words.push(`${capitalised(reasons.join('; '))} (${boundInWords(run)}).`);
  words.push(finding(run, primary));
  if (name === 'REFUTED') words.push(`The claim was ${boundInWords(run)}.`);
  const confidence = claimedLocation(run.experiment.claim, primary)?.confidence;
  words.push(
    `(${[
      `${primary.values.length} blocks`,
      ...(confidence === undefined ? [] : [`${formatConfidence(confidence)} intervals`]),
      `${run.profile.name} profile${run.profile.name === 'quick' ? ': a first look' : ''}`,
    ].join(', ')}.)`,
  );
  return words.join(' ');
}

/** `at most 20 %`; of a change: `at most 1 × before`. */
export function boundInWords({ experiment: { claim, metrics } }: RunRecord): string {
  const unit = metrics.find(({ id }) => id === claim.metric)?.unit ?? '';
  const bound =
    claim.variant === 'change' ? `${formatNumber(claim.bound)} × before` : formatQuantity(claim.bound, unit);
  return `${claim.relation === 'at-most' ? 'at most' : 'at least'} ${bound}`;
}

function finding(run: RunRecord, { metric, before, after, ratio }: Analysis['primary']): string {
  const { claim, variants } = run.experiment;
  const template =
    claim.finding ??
    `${metric.label} was {after} with ${variants[1].label} at {rate} reads/s, and {before} with ${variants[0].label}: {change}${claim.variant === 'change' ? ', a ratio of {ratio}' : ''}.`;
  return template
    .replaceAll('{before}', before ? formatEstimate(before, metric.unit) : 'not measured')
    .replaceAll('{after}', after ? formatEstimate(after, metric.unit) : 'not measured')
    .replaceAll('{rate}', formatNumber(run.offeredRatePerSecond))
    .replaceAll('{change}', ratio ? changeInWords(ratio.estimate) : 'no ratio')
    .replaceAll('{ratio}', ratio ? formatEstimate(ratio, '') : 'no ratio');
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
