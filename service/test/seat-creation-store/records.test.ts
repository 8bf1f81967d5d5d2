import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { SeatCreationFailure } from '../../src/seat-creation/failure.ts';
import type { SeatCreationStore } from '../../src/seat-creation/seat-creation-store.ts';
import { engines } from '../database/database-under-test.ts';
import { acceptedAt, jobFor, openStore, smallPlan, type StoreUnderTest } from './store-under-test.ts';

const failure: SeatCreationFailure = { kind: 'unclear', reason: 'hall-without-seats', message: 'hall 1: no seats yet' };
const failedAt = '2026-11-23T15:01:00.000Z';
const facts = { failedAt, isFinal: false };
const idempotencyKey = { scope: 'hall:token', key: 'k-1' };

describe.each(engines)('the records of operations on %s', (engine) => {
  let under: StoreUnderTest;
  beforeEach(async () => {
    under = await openStore(engine, { connections: 4 });
  });
  afterEach(() => under.remove());

  it('count failed attempts, also those of the same moment, and anew after a replay', async () => {
    const job = jobFor({ kind: 'hall', id: 1 });
    const { store } = under;
    expect(await store.recordFailure(job, failure, facts)).toEqual({ failedAttempts: 1 });
    const together = await Promise.all([1, 2, 3].map(() => store.recordFailure(job, failure, facts)));
    expect(together.map(({ failedAttempts }) => failedAttempts).toSorted((a, b) => a - b)).toEqual([2, 3, 4]);
    const replayed = { ...job, replays: 1 };
    expect(await store.recordFailure(replayed, failure, facts)).toEqual({ failedAttempts: 1 });
    // A consumer that slept through the replay does not begin the count anew once more.
    expect(await store.recordFailure(job, failure, facts)).toEqual({ failedAttempts: 2 });
    expect(await store.recordFailure(replayed, failure, facts)).toEqual({ failedAttempts: 3 });
  });

  it('show an operation as failing, with its last failure, until it is done: then the failures never show as its state', async () => {
    const { store } = under;
    const hall = await under.createHall(smallPlan);
    const job = jobFor(hall, idempotencyKey);
    const { operationId } = job;
    expect(await store.findOperation(operationId)).toBeUndefined();
    await store.recordFailure(job, { ...failure, reason: 'contention' }, facts);
    await store.recordFailure(job, failure, { failedAt, isFinal: true });
    const common = { operationId, target: hall, acceptedAt, failedAttempts: 2 };
    const { reason, message } = failure;
    const state = { name: 'failing', failure: { reason, message }, failedAt, isFinal: true };
    expect(await store.findOperation(operationId)).toEqual({ ...common, state });
    // Only done lets a later delivery skip.
    expect(await under.create(job)).toMatchObject([{ result: 'created' }]);
    const before = Date.now();
    const done = await store.findOperation(operationId);
    expect(done).toEqual({ ...common, state: { name: 'done', seats: 12, doneAt: expect.any(String) } });
    const doneAt = done?.state.name === 'done' ? done.state.doneAt : '';
    expect(doneAt).toMatch(/^\d{4}-\d{2}-\d{2}T[\d:]{8}\.\d{3}Z$/);
    expect(Math.abs(Date.parse(doneAt) - before)).toBeLessThan(5_000);
    await store.recordFailure(job, failure, facts);
    expect(await store.findOperation(operationId)).toMatchObject({ state: { name: 'done' }, failedAttempts: 3 });
    expect(await under.create(job)).toMatchObject([{ result: 'already-done' }]);
  });

  it('know an idempotency key for good, of jobs that were done and of jobs that have failed, within its scope', async () => {
    const { store } = under;
    const [hall, other] = [await under.createHall(smallPlan), await under.createHall(smallPlan)];
    const failing = jobFor(other, idempotencyKey);
    expect(await store.findByIdempotencyKey(idempotencyKey)).toBeUndefined();
    await store.recordFailure(failing, failure, facts);
    expect(await store.findByIdempotencyKey(idempotencyKey)).toEqual({
      operationId: failing.operationId,
      target: other,
    });
    const done = jobFor(hall, idempotencyKey);
    await under.create(done);
    expect(await store.findByIdempotencyKey(idempotencyKey)).toEqual({ operationId: done.operationId, target: hall });
    expect(await store.findByIdempotencyKey({ ...idempotencyKey, scope: 'showtime:token' })).toBeUndefined();
    expect(await store.findByIdempotencyKey({ ...idempotencyKey, key: 'k-2' })).toBeUndefined();
  });

  it('say of a hall and of a showtime whether it is there, its plan, and who has made its seats', async () => {
    const { store } = under;
    const hall = await under.createHall(smallPlan);
    const { kind, id } = await under.createShowtime(hall);
    const free = { exists: true, plannedSeats: 12, doneBy: undefined };
    expect([await store.findTarget(hall), await store.findTarget({ kind, id })]).toEqual([free, free]);
    const jobs = [jobFor(hall), jobFor({ kind, id })] as const;
    await under.create(...jobs);
    expect(await store.findTarget(hall)).toEqual({ ...free, doneBy: jobs[0].operationId });
    expect(await store.findTarget({ kind, id })).toEqual({ ...free, doneBy: jobs[1].operationId });
    for (const missing of ['hall', 'showtime'] as const) {
      expect(await store.findTarget({ kind: missing, id: Number.MAX_SAFE_INTEGER })).toEqual({ exists: false });
    }
  });

  it('page through seats by id without a gap or a repetition, and give nothing where there are none', async () => {
    const { store } = under;
    const hall = await under.createHall(smallPlan);
    const showtime = await under.createShowtime(hall);
    // Another hall's ids on both sides.
    const others = [await under.createHall(smallPlan), await under.createHall(smallPlan)] as const;
    await under.create(jobFor(others[0]));
    await under.create(jobFor(hall), jobFor(showtime));
    await under.create(jobFor(others[1]));
    const lists: readonly (readonly [SeatCreationStore['listHallSeats'], number])[] = [
      [(request) => store.listHallSeats(request), hall.id],
      [(request) => store.listShowtimeSeats(request), showtime.id],
    ];
    for (const [list, targetId] of lists) {
      const all = await list({ targetId, limit: 100 });
      expect(all).toHaveLength(12);
      const paged = [];
      for (let page = await list({ targetId, limit: 5 }); page.length > 0;) {
        paged.push(...page);
        page = await list({ targetId, limit: 5, after: page.at(-1)?.id });
      }
      expect(paged).toEqual(all);
      expect(await list({ targetId: Number.MAX_SAFE_INTEGER, limit: 5 })).toEqual([]);
    }
  });

  it('are open to audits that see what the keys do not forbid', async () => {
    const [hall, bare] = [await under.createHall(smallPlan), await under.createHall(smallPlan)];
    const showtime = await under.createShowtime(hall);
    const done = [jobFor(hall), jobFor(showtime)] as const;
    await under.create(...done);
    const [failing, failed] = [jobFor(bare), jobFor({ kind: 'hall', id: 999 })];
    await under.store.recordFailure(failing, failure, facts);
    await under.store.recordFailure(failed, { ...failure, reason: 'hall-not-found' }, { failedAt, isFinal: true });

    const operations = await under.query('select * from audit_seat_creations');
    const byId = new Map(operations.map((row) => [row['operation_id'], row]));
    expect(byId.get(done[0].operationId)).toEqual({
      operation_id: done[0].operationId,
      state: 'done',
      target_kind: 'hall',
      target_id: hall.id,
      seats: 12,
      failed_attempts: 0,
      reason: null,
      accepted_at: acceptedAt,
      ended_at: expect.any(String),
    });
    expect(byId.get(failed.operationId)).toMatchObject({ state: 'failed', seats: 0, reason: 'hall-not-found' });
    const counts = await under.query('select * from audit_seat_creation_counts order by state');
    expect(counts).toEqual([
      { state: 'done', operations: 2, seats: 24 },
      { state: 'failed', operations: 1, seats: 0 },
      { state: 'failing', operations: 1, seats: 0 },
    ]);
    const clean = { planned_seats: 12, expected_seats: 12, seats: 12, duplicates: 0 };
    const ofHall = { hall_id: hall.id, operation_id: done[0].operationId, ...clean };
    const ofShowtime = {
      showtime_id: showtime.id,
      hall_id: hall.id,
      operation_id: done[1].operationId,
      ...clean,
      strays: 0,
    };
    const ofBare = { ...ofHall, hall_id: bare.id, operation_id: null, expected_seats: 0, seats: 0 };
    const halls = () => under.query('select * from audit_hall_seats order by hall_id');
    const showtimes = () => under.query('select * from audit_showtime_seats order by showtime_id');
    expect([await halls(), await showtimes()]).toEqual([[ofHall, ofBare], [ofShowtime]]);

    await under.write(
      `insert into seats (hall_id, floor, section, "row", seat, grade) values (77, 'x', 'x', 1, 1, 'x')`,
    );
    await under.write(
      `update showtime_seats set seat_id = 4711 where seat_id = (select min(seat_id) from showtime_seats)`,
    );
    await under.write(`delete from seats where id = (select max(id) from seats where hall_id = ${hall.id})`);
    expect(await halls()).toEqual([
      { ...ofHall, seats: 11 },
      ofBare,
      { ...ofBare, hall_id: 77, planned_seats: null, seats: 1 },
    ]);
    expect(await showtimes()).toEqual([{ ...ofShowtime, strays: 2 }]);
    // SQLite can't drop a key; what is left of the view is the same text.
    if (engine === 'sqlite') return;
    await under.write('alter table seats drop constraint seats_hall_id_floor_section_row_seat_key');
    await under.write('alter table showtime_seats drop constraint showtime_seats_pkey');
    await under.write(
      'insert into seats (hall_id, floor, section, "row", seat, grade) select hall_id, floor, section, "row", seat, grade from seats where hall_id = 77',
    );
    await under.write('insert into showtime_seats select * from showtime_seats where seat_id = 4711');
    expect((await halls())[2]).toMatchObject({ seats: 2, duplicates: 1 });
    expect((await showtimes())[0]).toMatchObject({ seats: 13, duplicates: 1, strays: 3 });
  });
});
