export interface MetricLine {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const linePattern = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$/;
const labelPattern = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** The samples of a page in Prometheus' text format 0.0.4; comments and timestamps are left out. */
export function parsePrometheusText(text: string): MetricLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', value] = linePattern.exec(line) ?? [];
      if (name === undefined || value === undefined)
        throw new Error(`not a sample of Prometheus' text format: "${line}"`);
      return { name, labels: parseLabels(labels), value: parseValue(value) };
    });
}

function parseLabels(labels: string): Record<string, string> {
  return Object.fromEntries(
    Array.from(labels.matchAll(labelPattern), ([, name = '', value = '']) => [
      name,
      value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
    ]),
  );
}

function parseValue(value: string): number {
  if (value === '+Inf') return Number.POSITIVE_INFINITY;
  return value === '-Inf' ? Number.NEGATIVE_INFINITY : Number(value);
}
