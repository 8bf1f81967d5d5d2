import { parser } from '@prometheus-io/lezer-promql';

/** What Grafana fills in before it asks. */
export type QueryVariables = Readonly<Record<string, string>>;

/** @throws when the expression has a variable that is not given */
export function fillVariables(expr: string, variables: QueryVariables): string {
  return expr.replaceAll(/\$(\w+)/g, (_, name: string) => {
    const value = variables[name];
    if (value === undefined) throw new Error(`nothing is given for $${name} in ${expr}`);
    return value;
  });
}

/** Of every vector selector, without duplicates. @throws when it is no PromQL */
export function metricNames(expr: string): readonly string[] {
  return [...new Set(nodesOf(expr, 'VectorSelector').map((text) => /^[\w:]+/.exec(text)?.[0] ?? ''))];
}

/** The expression with every range and offset divided by `factor`. @throws when it is no PromQL */
export function compressDurations(expr: string, factor: number): string {
  let text = '';
  let end = 0;
  walk(expr, (name, from, to) => {
    if (name !== 'NumberDurationLiteralInDurationContext') return;
    text += expr.slice(end, from) + compressDuration(expr.slice(from, to), factor);
    end = to;
  });
  return text + expr.slice(end);
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `5m` divided by 60 is `5000ms`. @throws when it is no duration */
export function compressDuration(duration: string, factor: number): string {
  return `${Math.round(durationMs(duration) / factor)}ms`;
}

/** Milliseconds of `1h30m`. @throws when it is no duration */
export function durationMs(duration: string): number {
  const parts = [...duration.matchAll(/(\d+)(ms|[smhd])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== duration) {
    throw new Error(`a duration is like 5m or 1h30m, got "${duration}"`);
  }
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (unitMs[unit] ?? Number.NaN), 0);
}

function nodesOf(expr: string, wanted: string): readonly string[] {
  const texts: string[] = [];
  walk(expr, (name, from, to) => {
    if (name === wanted) texts.push(expr.slice(from, to));
  });
  return texts;
}

function walk(expr: string, visit: (name: string, from: number, to: number) => void): void {
  parser.parse(expr).iterate({
    enter({ type, from, to }) {
      if (type.isError) throw new Error(`not PromQL at character ${from}: ${expr}`);
      visit(type.name, from, to);
    },
  });
}
