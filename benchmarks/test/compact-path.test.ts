import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compactPath } from '../report/charts/compact-path.ts';

/** The corners of a path in absolute coordinates, of both ways to write one. */
function cornersOf(path: string): string[] {
  let [x, y] = [0, 0];
  return [...path.matchAll(/([MLlhv])(-?[\d.]+)(?:,(-?[\d.]+))?/g)].map(([, command, first, second]) => {
    const [one, two] = [Number(first), Number(second)];
    if (command === 'M' || command === 'L') [x, y] = [one, two];
    else if (command === 'h') x += one;
    else if (command === 'v') y += one;
    else [x, y] = [x + one, y + two];
    return [x, y].map((at) => Math.round(at * 10)).join();
  });
}

describe('a path in fewer bytes', () => {
  it('leaves out what lies in the middle of a level stretch', () => {
    expect(compactPath('M46,104L55.8,104L65.5,104L75.3,32.6L75.3,40L75.3,50Z')).toBe('M46,104h19.5l9.8,-71.4v17.4Z');
  });

  it('keeps the end of a way back, and every outline', () => {
    expect(compactPath('M0,0L10,0L5,0M1,1L2,2')).toBe('M0,0h10h-5M1,1l1,1');
  });

  it('hands back a path with curves', () => {
    expect(compactPath('M0,0C1,1,2,2,3,3')).toBe('M0,0C1,1,2,2,3,3');
  });

  it('goes through the same corners in the same order, each of which was there, and ends where it ended', () => {
    const coordinate = fc.integer({ min: -50, max: 50 }).map((tenths) => tenths / 10);
    fc.assert(
      fc.property(fc.array(fc.tuple(coordinate, coordinate), { minLength: 1, maxLength: 30 }), (points) => {
        const path = points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${x},${y}`).join('');
        const [before, after] = [cornersOf(path), cornersOf(compactPath(path))];
        let at = 0;
        for (const corner of after) {
          at = before.indexOf(corner, at);
          expect(at).toBeGreaterThanOrEqual(0);
        }
        expect(after.at(-1)).toBe(before.at(-1));
      }),
    );
  });
});
