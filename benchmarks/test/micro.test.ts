import { describe, expect, it } from 'vitest';

import { describeComparison } from '../micro/describe-comparison.ts';
import { inRounds } from '../micro/in-rounds.ts';

const contestants = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];

describe('rounds', () => {
  it('measure everyone once a round, with another one first each time, and throw the first round away', async () => {
    const order: string[] = [];
    const context = { rounds: 3, signal: new AbortController().signal, step: () => undefined };
    const rows = await inRounds(contestants, context, async ({ name }, round) => {
      order.push(name);
      return `${name}${round}`;
    });
    expect(order.join('')).toBe('abcbcacababc');
    expect(rows).toEqual([
      ['a1', 'a2', 'a3'],
      ['b1', 'b2', 'b3'],
      ['c1', 'c2', 'c3'],
    ]);
  });

  it('end with the measurement during which they were interrupted', async () => {
    const interrupt = new AbortController();
    let measured = 0;
    const context = { rounds: 3, signal: interrupt.signal, step: () => undefined };
    const rounds = inRounds(contestants, context, async () => {
      measured += 1;
      if (measured === 2) interrupt.abort();
    });
    await expect(rounds).rejects.toThrow('aborted');
    expect(measured).toBe(2);
  });
});

describe('a comparison', () => {
  const names = ['the service', 'bare'];
  const format = (value: number): string => value.toFixed(1);
  const ratioLine = (text: string): string => text.split('\n').at(-1) ?? '';

  it('gives medians with ranges, and the ratio within each round, which a slow round leaves alone', () => {
    const text = describeComparison({
      names,
      values: [
        [2, 20, 6],
        [1, 10, 4],
      ],
      format,
    });
    expect(text.split('\n').map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      'the service 6.0 (2.0 to 20.0)',
      'bare 4.0 (1.0 to 10.0)',
      '',
      'the service:',
      '÷ bare 2.00 × (1.50 × to 2.00 ×)',
    ]);
  });

  it.each([
    [1.5, 'lower', 3, 'goal 1.5 × or less: met'],
    [1.5, 'lower', 3.2, 'goal 1.5 × or less: missed'],
    [0.8, 'higher', 1.6, 'goal 0.8 × or more: met'],
    [0.8, 'higher', 1.4, 'goal 0.8 × or more: missed'],
  ] as const)('holds the median ratio against a goal of %s × or %s: %s to 2', (ratio, better, value, verdict) => {
    const text = describeComparison({ names, values: [[value], [2]], format, goal: { ratio, better } });
    expect(ratioLine(text)).toContain(verdict);
  });

  it('holds the goal against the first reference only', () => {
    const goal = { ratio: 1, better: 'lower' } as const;
    const text = describeComparison({ names: [...names, 'barer'], values: [[2], [2], [1]], format, goal });
    expect(ratioLine(text)).toMatch(/^÷ barer +2\.00 × +\(2\.00 × to 2\.00 ×\)$/);
  });
});
