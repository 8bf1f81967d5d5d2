import type { Context } from 'koa';

import { findSeatCreation } from '../../seat-creation/find-seat-creation.ts';
import type { SeatTarget } from '../../seat-creation/job.ts';
import { replayDeadLetter } from '../../seat-creation/replay-dead-letter.ts';
import { requestSeats, type RequestSeatsPorts } from '../../seat-creation/request-seats.ts';
import type { DeadLetter, DeadLetters, SeatCreationQueue } from '../../seat-creation/seat-creation-queue.ts';
import type { SeatCreationStore } from '../../seat-creation/seat-creation-store.ts';
import { defineAction, defineRead, noParameters, type Operation } from '../operation.ts';
import {
  deadLetterPageSchema,
  deadLettersQuerySchema,
  idempotencyHeaderSchema,
  seatCreationAcceptedSchema,
  seatCreationSchema,
} from '../schemas.ts';
import { validate } from '../validation.ts';

export interface SeatCreationRoutesPorts {
  readonly seatCreation: Omit<RequestSeatsPorts, 'store' | 'queue'> & {
    readonly store: SeatCreationStore;
    readonly queue: SeatCreationQueue;
    readonly deadLetters: DeadLetters;
    /** Stands for the token in the scope of an idempotency key. */
    readonly tokenDigest: string;
  };
}

const acceptedHeaders = { Location: 'Address of the operation' };

export function seatCreationOperations({ seatCreation }: SeatCreationRoutesPorts): readonly Operation[] {
  return [
    requestOperation(seatCreation, 'hall'),
    requestOperation(seatCreation, 'showtime'),
    findOperation(seatCreation),
    ...deadLetterOperations(seatCreation),
  ];
}

type Ports = SeatCreationRoutesPorts['seatCreation'];

function requestOperation(ports: Ports, kind: SeatTarget['kind']): Operation {
  return defineAction({
    method: 'post',
    path: `/${kind}s/{id}/seats`,
    operationId: kind === 'hall' ? 'createHallSeats' : 'createShowtimeSeats',
    summary:
      kind === 'hall'
        ? "Create a hall's seats from its seating plan"
        : "Create a showtime's seats from its hall's, with its performance's prices",
    resource: kind,
    header: idempotencyHeaderSchema,
    success: { status: 202, schema: seatCreationAcceptedSchema, headers: acceptedHeaders },
    refusals: ['seats-exist', 'seat-creation-under-way', 'idempotency-key-reused', 'queue-full', 'queue-unavailable'],
    async handle(ctx, { id }) {
      const key = readIdempotencyKey(ctx);
      const idempotencyKey = key === undefined ? undefined : { scope: `${kind}:${ports.tokenDigest}`, key };
      answerAccepted(ctx, await requestSeats(ports, { target: { kind, id }, idempotencyKey }));
    },
  });
}

function readIdempotencyKey(ctx: Context): string | undefined {
  const header = { 'Idempotency-Key': ctx.req.headers['idempotency-key'] };
  return validate('header', idempotencyHeaderSchema, header)['Idempotency-Key'];
}

function answerAccepted(ctx: Context, operationId: string): void {
  ctx.status = 202;
  ctx.set('Location', `/seat-creations/${operationId}`);
  ctx.body = { id: operationId };
}

function findOperation(ports: Ports): Operation {
  return defineRead({
    method: 'get',
    path: '/seat-creations/{id}',
    operationId: 'getSeatCreation',
    summary: 'How far a seat creation is',
    resource: 'seat-creation',
    query: noParameters,
    success: { status: 200, schema: seatCreationSchema },
    refusals: ['queue-unavailable'],
    async handle(ctx, { idText }) {
      ctx.set('Cache-Control', 'no-store');
      ctx.body = await findSeatCreation(ports, idText);
    },
  });
}

function deadLetterOperations({ deadLetters }: Ports): readonly Operation[] {
  return [
    defineRead({
      method: 'get',
      path: '/dead-letters',
      operationId: 'listDeadLetters',
      summary: 'Jobs that were given up, the oldest first',
      secured: true,
      query: deadLettersQuerySchema,
      success: { status: 200, schema: deadLetterPageSchema },
      refusals: ['queue-unavailable'],
      async handle(ctx, { query: { cursor, limit } }) {
        const letters = await deadLetters.list({ after: cursor, limit: limit + 1 });
        const items = letters.slice(0, limit);
        const nextCursor = letters.length > limit ? items.at(-1)?.id : undefined;
        ctx.set('Cache-Control', 'no-store');
        ctx.body = { items: items.map(describeLetter), ...(nextCursor !== undefined && { nextCursor }) };
      },
    }),
    defineAction({
      method: 'post',
      path: '/dead-letters/{id}/replay',
      operationId: 'replayDeadLetter',
      summary: "Publish a dead letter's job again; asked again, nothing more happens",
      resource: 'dead-letter',
      success: { status: 202, schema: seatCreationAcceptedSchema, headers: acceptedHeaders },
      refusals: ['dead-letter-unreadable', 'seat-creation-under-way', 'queue-full', 'queue-unavailable'],
      async handle(ctx, { idText }) {
        answerAccepted(ctx, await replayDeadLetter(deadLetters, idText));
      },
    }),
  ];
}

function describeLetter({ job, ...letter }: DeadLetter): object {
  return { ...letter, ...(job && { operationId: job.operationId, target: job.target }) };
}
