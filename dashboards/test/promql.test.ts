import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { compressDuration, compressDurations, durationMs, fillVariables, metricNames } from '../promql.ts';
import { compressedRules } from '../rules.ts';

describe('an expression', () => {
  it.each([
    ['up', ['up']],
    ['sum by (up) (rate(a_total{up="x_total"}[5m] offset 1h)) / slo:b:c > 0', ['a_total', 'slo:b:c']],
    ['topk(3, a and on (b) c unless ignoring (d) a)', ['a', 'c']],
    ['histogram_quantile(0.9, sum(rate(h_bucket[1m])) by (le)) or vector(1)', ['h_bucket']],
  ])('%s asks for %j', (expr, names) => {
    expect(metricNames(expr)).toEqual(names);
  });

  it('that is none is refused, with its place', () => {
    expect(() => metricNames('sum(rate(a[5m])')).toThrow(/not PromQL at character \d+: sum/);
  });

  it('gets its variables, and is refused when one is not given', () => {
    expect(fillVariables('a{b=~"$b"}[$__rate_interval]', { b: '.+', __rate_interval: '5s' })).toBe('a{b=~".+"}[5s]');
    expect(() => fillVariables('a offset $other', {})).toThrow('nothing is given for $other');
  });
});

describe('time that runs faster', () => {
  it('shortens ranges, offsets and subqueries, and no number, label or name', () => {
    expect(compressDurations('max_over_time(a{le="5m"}[10m:1m]) > 300 and b5m offset 1h30m', 60)).toBe(
      'max_over_time(a{le="5m"}[10000ms:1000ms]) > 300 and b5m offset 90000ms',
    );
  });

  it('divides every duration', () => {
    const unit = fc.constantFrom(['ms', 1], ['s', 1_000], ['m', 60_000], ['h', 3_600_000]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 999 }), unit, fc.constantFrom(1, 10, 60), (count, [name, ms], factor) => {
        const short = compressDuration(`${count}${name}`, factor);
        expect(durationMs(short)).toBe(Math.round((count * ms) / factor));
      }),
    );
  });

  it.each(['', '5', 'm', '5 m', '5min'])('refuses %j', (text) => {
    expect(() => durationMs(text)).toThrow('a duration is like 5m');
  });

  it('leaves names, labels and thresholds of rules as they are', () => {
    const annotations = { summary: 's', description: 'd', runbook: 'r' };
    const labels = { severity: 'page' as const };
    const rules = [{ alert: 'A', expr: 'rate(a:rate5m[5m]) > 5', for: '2m', labels, annotations }];
    expect(parse(compressedRules({ groups: [{ name: 'g', rules }] }, 60))).toEqual({
      groups: [{ name: 'g', rules: [{ ...rules[0], expr: 'rate(a:rate5m[5000ms]) > 5', for: '2000ms' }] }],
    });
  });
});
