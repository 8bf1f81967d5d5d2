import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { SeatingPlan } from '../../src/catalog/model.ts';
import { engines } from '../database/database-under-test.ts';
import { watchEventLoop } from '../watch-event-loop.ts';
import { blockPlan, jobFor, openStore, smallPlan, type StoreUnderTest } from './store-under-test.ts';

const nowhere = Number.MAX_SAFE_INTEGER;

interface PlainSeat {
  readonly floor: string;
  readonly section: string;
  readonly row: number;
  readonly number: number;
  readonly grade: string;
}

/** A plan by its words: every seat written down. */
function writtenDown(plan: SeatingPlan): PlainSeat[] {
  const seats: PlainSeat[] = [];
  for (const { name: floor, sections } of plan.floors) {
    for (const { name: section, grade, blocks } of sections) {
      for (const { rows, seats: numbers } of blocks) {
        for (let row = rows.from; row <= rows.to; row += 1) {
          for (let number = numbers.from; number <= numbers.to; number += 1) {
            seats.push({ floor, section, row, number, grade });
          }
        }
      }
    }
  }
  return seats;
}

const inOneOrder = (seats: readonly PlainSeat[]): string[] =>
  seats
    .map(({ floor, section, row, number, grade }) => JSON.stringify([floor, section, row, number, grade]))
    .toSorted();

const name = fc
  .oneof(fc.constantFrom('A', 'B', '1F', "O'Hara", '"', '\\', '$1', '가'), fc.string({ minLength: 1, maxLength: 12 }))
  .filter((text) => /^[^\p{Cc}\p{Cs}]+$/u.test(text));
const range = fc
  .tuple(fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 999_000 })), fc.integer({ min: 0, max: 9 }))
  .map(([from, more]) => ({ from, to: from + more }));
const anyPlan = fc.record({
  floors: fc.array(
    fc.record({
      name,
      sections: fc.array(
        fc.record({
          name,
          grade: name,
          blocks: fc.array(fc.record({ rows: range, seats: range }), { minLength: 1, maxLength: 4 }),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});
const validPlan: fc.Arbitrary<SeatingPlan> = anyPlan.filter((plan) => {
  const seats = writtenDown(plan).map(({ floor, section, row, number }) =>
    JSON.stringify([floor, section, row, number]),
  );
  return new Set(seats).size === seats.length;
});

describe.each(engines)('the seats that the store creates on %s', (engine) => {
  let under: StoreUnderTest;
  beforeEach(async () => {
    under = await openStore(engine, { connections: 4 });
  });
  afterEach(() => under.remove());
  const count = async (table: string) => Number((await under.query(`select count(*) as n from ${table}`))[0]?.['n']);

  it('are those of writing every seat of any valid plan down, whatever else is in the transaction', async () => {
    let seats = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(validPlan, { minLength: 1, maxLength: 12 }), async (plans) => {
        const halls = [];
        for (const plan of plans) halls.push(await under.createHall(plan));
        const results = await under.create(...halls.map((hall) => jobFor(hall)));
        for (const [index, plan] of plans.entries()) {
          const stored = await under.store.listHallSeats({ targetId: halls[index]?.id ?? 0, limit: 10_000 });
          expect(inOneOrder(stored)).toEqual(inOneOrder(writtenDown(plan)));
          expect(results[index]).toEqual({ result: 'created', seats: stored.length, changed: [] });
          seats += stored.length;
        }
      }),
      { numRuns: 25, seed: 4 },
    );
    // The control: there was something to compare.
    expect(seats).toBeGreaterThan(10_000);
    expect(await count('seats')).toBe(seats);
  });

  it('are listed in the order of the plan', async () => {
    const hall = await under.createHall(smallPlan);
    await under.create(jobFor(hall));
    const stored = await under.store.listHallSeats({ targetId: hall.id, limit: 100 });
    expect(stored.map(({ id: _id, ...seat }) => seat)).toEqual(writtenDown(smallPlan));
  });

  it("are, for a showtime, its hall's with the prices of the moment, and say which performance has changed", async () => {
    const hall = await under.createHall(smallPlan);
    const showtime = await under.createShowtime(hall, [{ grade: 'VIP', amount: 120_000 }]);
    const results = await under.create(jobFor(hall), jobFor(showtime));
    const changed = [{ performanceId: showtime.performanceId, genres: ['play'] }];
    expect(results[1]).toEqual({ result: 'created', seats: 12, changed });
    const request = { limit: 100 };
    const seats = await under.store.listHallSeats({ targetId: hall.id, ...request });
    const withPrices = seats.map((seat) => ({ ...seat, amount: seat.grade === 'VIP' ? 120_000 : null }));
    expect(await under.store.listShowtimeSeats({ targetId: showtime.id, ...request })).toEqual(withPrices);
  });

  it('are there once, however often the job comes', async () => {
    const hall = await under.createHall(smallPlan);
    const showtime = await under.createShowtime(hall);
    const jobs = [jobFor(hall), jobFor(showtime)];
    const [, first] = await under.create(...jobs);
    if (first?.result !== 'created') throw new Error(`the first delivery was ${first?.result}`);
    for (let delivery = 2; delivery <= 3; delivery += 1) {
      expect((await under.create(...jobs))[1]).toEqual({ ...first, result: 'already-done' });
    }
    expect([await count('seats'), await count('showtime_seats'), await count('seat_creations')]).toEqual([12, 12, 2]);
  });

  it('are there once when processes give the same job at the same moment: one creates, the others see it done', async () => {
    const hall = await under.createHall(blockPlan(50, 50));
    const job = jobFor(hall);
    const results = (await Promise.all([1, 2, 3, 4].map(() => under.create(job)))).flat();
    expect(results.map(({ result }) => result).toSorted()).toEqual([
      'already-done',
      'already-done',
      'already-done',
      'created',
    ]);
    expect(await count('seats')).toBe(2_500);
  });

  it("are one operation's: of two at the same moment one creates, the other is refused and names it", async () => {
    const hall = await under.createHall(blockPlan(50, 50));
    const jobs = [jobFor(hall), jobFor(hall)];
    const results = (await Promise.all(jobs.map((job) => under.create(job)))).flat();
    const winner = jobs[results.findIndex(({ result }) => result === 'created')];
    expect(results.find(({ result }) => result === 'refused')).toMatchObject({
      failure: {
        kind: 'permanent',
        reason: 'seats-exist',
        message: expect.stringContaining(winner?.operationId ?? '-'),
      },
    });
    expect(await count('seats')).toBe(2_500);
  });

  it('do not deadlock transactions that have the same jobs in opposite orders', async () => {
    const halls = [];
    for (let index = 0; index < 12; index += 1) halls.push(await under.createHall(smallPlan));
    const jobs = halls.map((hall) => jobFor(hall));
    const outcomes = await Promise.all([
      under.store.createSeats(jobs),
      under.store.createSeats(jobs.toReversed()),
      under.store.createSeats(jobs),
      under.store.createSeats(jobs.toReversed()),
    ]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['committed', 'committed', 'committed', 'committed']);
    expect(await count('seats')).toBe(12 * 12);
  });

  it('are stored beside jobs of the same transaction that are refused, each with its reason', async () => {
    const [hall, taken, bare] = [
      await under.createHall(smallPlan),
      await under.createHall(smallPlan),
      await under.createHall(smallPlan),
    ];
    const idempotencyKey = { scope: 'hall:token', key: 'k-1' };
    const first = jobFor(taken, idempotencyKey);
    await under.create(first);
    const withoutSeats = await under.createShowtime(bare);
    const results = await under.create(
      jobFor(hall),
      jobFor(taken),
      jobFor({ kind: 'hall', id: nowhere }),
      jobFor({ kind: 'showtime', id: nowhere }),
      jobFor(withoutSeats),
      { ...jobFor(bare), operationId: first.operationId },
    );
    const refusals = results.map((result) =>
      result.result === 'refused' ? [result.failure.kind, result.failure.reason] : result.result,
    );
    expect(refusals).toEqual([
      'created',
      ['permanent', 'seats-exist'],
      ['permanent', 'hall-not-found'],
      ['permanent', 'showtime-not-found'],
      ['unclear', 'hall-without-seats'],
      ['permanent', 'constraint'],
    ]);
    const [reused] = await under.create(jobFor(bare, idempotencyKey));
    expect(reused).toMatchObject({ failure: { kind: 'permanent', reason: 'constraint' } });
    expect([await count('seats'), await count('seat_creations')]).toEqual([24, 2]);
  });

  it("are all there or none: a count that is not the plan's rolls back the whole transaction, and is reported", async () => {
    const [good, wrong] = [await under.createHall(smallPlan), await under.createHall(smallPlan)];
    await under.write(`update halls set seats = 13 where id = ${wrong.id}`);
    const jobs = [jobFor(good), jobFor(wrong)];
    const outcome = await under.store.createSeats(jobs);
    expect(outcome).toMatchObject({
      outcome: 'failed',
      failure: {
        kind: 'permanent',
        reason: 'count-differs',
        message: `hall ${wrong.id}: there would be 12 seats, and its plan has 13`,
      },
    });
    expect([await count('seats'), await count('seat_creations')]).toEqual([0, 0]);
    // The control: without it, the good one is stored.
    expect((await under.create(jobs[0] ?? jobFor(good)))[0]).toMatchObject({ result: 'created', seats: 12 });
  });

  it('do not swallow seats that somebody else has put there: not the same ones, nor others', async () => {
    const [same, other] = [await under.createHall(smallPlan), await under.createHall(smallPlan)];
    const foreign = (hallId: number, seat: number) =>
      `insert into seats (hall_id, floor, section, "row", seat, grade) values (${hallId}, '1F', 'B', 1, ${seat}, 'VIP')`;
    await under.write(foreign(same.id, 1));
    await under.write(foreign(other.id, 99));
    expect(await under.store.createSeats([jobFor(same)])).toMatchObject({
      outcome: 'failed',
      failure: { kind: 'permanent', reason: 'constraint' },
    });
    expect(await under.store.createSeats([jobFor(other)])).toMatchObject({
      outcome: 'failed',
      failure: { kind: 'permanent', reason: 'count-differs' },
    });
    expect([await count('seats'), await count('seat_creations')]).toEqual([2, 0]);
  });

  it('are 100,000 in one transaction, while others read and the event loop turns', async () => {
    const hall = await under.createHall(blockPlan(100, 1_000));
    const showtime = await under.createShowtime(hall);
    await Promise.all([1, 2, 3].map(() => under.database.ping()));
    const eventLoop = watchEventLoop();
    const started = performance.now();
    const creating = under.create(jobFor(hall), jobFor(showtime));
    const seen: number[] = [];
    for (let reading = true; reading;) {
      const ended = creating.then(() => true);
      seen.push(Number((await under.query(`select count(*) as n from seats where hall_id = ${hall.id}`))[0]?.['n']));
      reading = !(await Promise.race([ended, Promise.resolve(false)]));
    }
    const results = await creating;
    const tookMs = performance.now() - started;
    const longestGapMs = eventLoop.end();
    expect(results).toMatchObject([{ seats: 100_000 }, { seats: 100_000 }]);
    // Until the commit there is nothing, then all of it.
    expect(seen.length).toBeGreaterThan(5);
    expect(seen.filter((seats) => seats !== 0 && seats !== 100_000)).toEqual([]);
    expect(longestGapMs).toBeLessThan(tookMs / 2);
  });

  // Where a table of numbers stands for generate_series.
  if (engine === 'sqlite') {
    it.each([
      ['one row of 100,000 seats', blockPlan(1, 100_000)],
      ['100,000 rows of one seat', blockPlan(100_000, 1)],
    ])('may be %s', async (_, plan) => {
      const hall = await under.createHall(plan);
      expect((await under.create(jobFor(hall)))[0]).toMatchObject({ result: 'created', seats: 100_000 });
      const [last] = await under.query('select max("row") as "row", max(seat) as seat from seats');
      const block = plan.floors[0]?.sections[0]?.blocks[0];
      expect(last).toEqual({ row: block?.rows.to, seat: block?.seats.to });
    });
  }

  it('come from a plan of as many blocks as a request can hold in the time of their seats, not of their product', async () => {
    const blocks = Array.from({ length: 15_000 }, (_, index) => {
      const [row, seat] = [Math.floor(index / 100) + 1, (index % 100) + 1];
      return { rows: { from: row, to: row }, seats: { from: seat, to: seat } };
    });
    const hall = await under.createHall({ floors: [{ name: '1F', sections: [{ name: 'A', grade: 'R', blocks }] }] });
    const started = performance.now();
    expect((await under.create(jobFor(hall)))[0]).toMatchObject({ result: 'created', seats: 15_000 });
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
