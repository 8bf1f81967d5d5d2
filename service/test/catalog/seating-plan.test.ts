import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { SeatingPlan } from '../../src/catalog/model.ts';
import { countSeats } from '../../src/catalog/seating-plan.ts';
import { DomainError } from '../../src/domain-error.ts';

function planOf(rows: [number, number], seats: [number, number], ...more: SeatingPlan['floors']): SeatingPlan {
  const block = { rows: { from: rows[0], to: rows[1] }, seats: { from: seats[0], to: seats[1] } };
  return { floors: [{ name: '1', sections: [{ name: 'A', grade: 'VIP', blocks: [block] }] }, ...more] };
}

function refusalOf(plan: SeatingPlan): DomainError {
  try {
    countSeats(plan);
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('the plan was accepted');
}

/** The rule by its words: every seat written down. */
function expand(plan: SeatingPlan): { readonly seats: string[]; readonly grades: Map<string, number> } {
  const seats: string[] = [];
  const grades = new Map<string, number>();
  for (const floor of plan.floors) {
    for (const section of floor.sections) {
      for (const { rows, seats: numbers } of section.blocks) {
        for (let row = rows.from; row <= rows.to; row += 1) {
          for (let seat = numbers.from; seat <= numbers.to; seat += 1) {
            seats.push(JSON.stringify([floor.name, section.name, row, seat]));
            grades.set(section.grade, (grades.get(section.grade) ?? 0) + 1);
          }
        }
      }
    }
  }
  return { seats, grades };
}

function isExpandedOnce(plan: SeatingPlan): boolean {
  const { seats } = expand(plan);
  return new Set(seats).size === seats.length;
}

const range = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 3 }))
  .map(([from, more]) => ({ from, to: from + more }));
const anyPlan: fc.Arbitrary<SeatingPlan> = fc.record({
  floors: fc.array(
    fc.record({
      name: fc.constantFrom('1', '2'),
      sections: fc.array(
        fc.record({
          name: fc.constantFrom('A', 'B', 'C'),
          grade: fc.constantFrom('VIP', 'R'),
          blocks: fc.array(fc.record({ rows: range, seats: range }), { minLength: 1, maxLength: 4 }),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});

describe('countSeats', () => {
  it('agrees with writing every seat down: on the count, on the grades and on which plans have a seat twice', () => {
    const plans = fc.sample(anyPlan, { numRuns: 2_000, seed: 42 });
    const [good, bad] = [plans.filter(isExpandedOnce), plans.filter((plan) => !isExpandedOnce(plan))];
    for (const plan of good) {
      const { seats, seatsByGrade } = countSeats(plan);
      const grades = new Map(seatsByGrade.map(({ grade, seats }) => [grade, seats]));
      expect({ seats, grades }).toEqual({ seats: expand(plan).seats.length, grades: expand(plan).grades });
    }
    for (const plan of bad) {
      const { code, facts } = refusalOf(plan);
      const named = JSON.stringify([facts['floor'], facts['section'], facts['row'], facts['seat']]);
      expect(code).toBe('invalid-seating-plan');
      expect(expand(plan).seats.filter((seat) => seat === named).length).toBeGreaterThan(1);
    }
    // The control: both kinds were drawn, and often.
    expect(Math.min(good.length, bad.length)).toBeGreaterThan(200);
  });

  it('accepts 100,000 seats and refuses 100,001 with the number', () => {
    expect(countSeats(planOf([1, 100], [1, 1_000])).seats).toBe(100_000);
    const one = {
      name: '2',
      sections: [{ name: 'A', grade: 'R', blocks: [{ rows: { from: 1, to: 1 }, seats: { from: 1, to: 1 } }] }],
    };
    expect(refusalOf(planOf([1, 100], [1, 1_000], one)).message).toBe(
      'a hall has at most 100000 seats, this plan has 100001: split the hall',
    );
  });

  it('refuses a billion seats at once, without expanding them', () => {
    const started = performance.now();
    expect(refusalOf(planOf([1, 100_000], [1, 10_000])).facts).toMatchObject({ seats: 1_000_000_000 });
    expect(performance.now() - started).toBeLessThan(10);
  });

  it('finds one overlap among 50,000 blocks in the time of a sort', () => {
    const blocks = Array.from({ length: 50_000 }, (_, index) => {
      const row = (index % 250) + 1;
      const seat = Math.floor(index / 250) + 1;
      return { rows: { from: row, to: row }, seats: { from: seat, to: seat } };
    });
    const floors = (all: typeof blocks) => ({
      floors: [{ name: '1', sections: [{ name: 'A', grade: 'R', blocks: all }] }],
    });
    const started = performance.now();
    expect(countSeats(floors(blocks)).seats).toBe(50_000);
    const twice = { rows: { from: 125, to: 125 }, seats: { from: 7, to: 7 } };
    const place = { floor: '1', section: 'A', row: 125, seat: 7 };
    expect(refusalOf(floors([...blocks, twice])).facts).toMatchObject(place);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it.each([
    { rows: [0, 5], of: 'rows' },
    { rows: [5, 4], of: 'rows' },
    { rows: [1.5, 4], of: 'rows' },
    { rows: [1, Number.NaN], of: 'rows' },
    { rows: [1, 1_000_001], of: 'rows' },
    { seats: [-3, 4], of: 'seats' },
  ] as { rows?: [number, number]; seats?: [number, number]; of: string }[])(
    'names the section and the range of $of when it is none: $rows$seats',
    ({ rows = [1, 2], seats = [1, 2], of }) => {
      const { code, message } = refusalOf(planOf(rows, seats));
      expect(code).toBe('invalid-seating-plan');
      const [from, to] = of === 'rows' ? rows : seats;
      expect(message).toContain(`${of} of section "A" of floor "1" must be whole numbers`);
      expect(message).toContain(`got from ${from} to ${to}`);
    },
  );

  it('refuses more than 100 grades, which would be as many rows', () => {
    const seat = { from: 1, to: 1 };
    const withGrades = (grades: number): SeatingPlan => {
      const sections = Array.from({ length: grades }, (_, index) => ({
        name: `S${index}`,
        grade: `G${index}`,
        blocks: [{ rows: seat, seats: seat }],
      }));
      return { floors: [{ name: '1', sections }] };
    };
    expect(countSeats(withGrades(100)).seatsByGrade).toHaveLength(100);
    expect(refusalOf(withGrades(9_000))).toMatchObject({
      code: 'invalid-seating-plan',
      message: 'a hall has at most 100 grades, this plan has 9000: merge some',
      facts: { grades: 9_000 },
    });
  });

  it.each([
    [planOf([0, 5], [1, 2]), '/rows/from', 0, 'a whole number from 1 to 1000000'],
    [planOf([1, 2], [5, 4]), '/seats/to', 4, 'a whole number from 5 to 1000000'],
    [planOf([1, 2], [2_000_000, 3]), '/seats/from', 2_000_000, 'a whole number from 1 to 1000000'],
  ] as const)('points at the end of a range that is none', (plan, end, value, expected) => {
    const pointer = `/seatingPlan/floors/0/sections/0/blocks/0${end}`;
    expect(refusalOf(plan).facts['errors']).toEqual([{ in: 'body', pointer, value, expected }]);
  });

  it('points at the second of two blocks that overlap, and at a list with nothing in it', () => {
    const [block] = planOf([1, 2], [1, 2]).floors[0]?.sections[0]?.blocks ?? [];
    const sections = [{ name: 'A', grade: 'R', blocks: block ? [block, block] : [] }];
    expect(refusalOf({ floors: [{ name: '1', sections }] }).facts).toMatchObject({
      errors: [{ pointer: '/seatingPlan/floors/0/sections/0/blocks/1' }],
    });
    const second = { name: '2', sections: [{ name: 'A', grade: 'R', blocks: [] }] };
    expect(refusalOf(planOf([1, 2], [1, 2], second)).facts).toMatchObject({
      errors: [{ pointer: '/seatingPlan/floors/1/sections/0/blocks', expected: 'a list of at least one block' }],
    });
  });

  it('refuses a plan, a floor and a section with nothing in them', () => {
    expect(refusalOf({ floors: [] }).message).toContain('at least one floor');
    expect(refusalOf({ floors: [{ name: '1', sections: [] }] }).message).toContain('floor "1" needs');
    expect(refusalOf({ floors: [{ name: '1', sections: [{ name: 'A', grade: 'R', blocks: [] }] }] }).message).toContain(
      'section "A" of floor "1" needs',
    );
  });
});
