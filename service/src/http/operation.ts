import { parse } from 'node:querystring';

import type { Context } from 'koa';
import { z } from 'zod';

import { DomainError } from '../domain-error.ts';
import { readJsonBody } from './json-body.ts';
import { HttpError, type ProblemCode } from './problem-details.ts';
import { validate } from './validation.ts';

/** A thing with an id in its address. */
export type ResourceName = 'venue' | 'hall' | 'performance';

/** What one method of one address takes and gives: the schemas validate, and make the OpenAPI document. */
export interface OperationDescription {
  readonly method: 'get' | 'post' | 'patch';
  /** With `{id}` where `resource` has its id. */
  readonly path: `/${string}`;
  readonly operationId: string;
  readonly summary: string;
  readonly resource?: ResourceName;
  readonly success: {
    readonly status: 200 | 201;
    readonly schema: z.ZodType;
    /** Header fields of the answer and what they say. */
    readonly headers?: Readonly<Record<string, string>>;
    /** Has an `ETag` and answers `If-None-Match` with 304. */
    readonly conditional?: boolean;
  };
  /** Beside those that follow from the rest. */
  readonly refusals?: readonly ProblemCode[];
}

export interface Operation extends OperationDescription {
  readonly query: z.ZodObject;
  readonly body?: RequestBody<unknown>;
  readonly answer: (ctx: Context) => Promise<void> | void;
}

interface RequestBody<Body> {
  readonly schema: z.ZodType<Body>;
  readonly mediaTypes: readonly string[];
}

interface ReadDefinition<Query extends z.ZodObject> extends OperationDescription {
  readonly method: 'get';
  readonly query: Query;
  /** `id`: of the resource in the path; 0, which nothing has, when the path names none. */
  readonly handle: (
    ctx: Context,
    request: { readonly id: number; readonly query: z.output<Query> },
  ) => Promise<void> | void;
}

interface WriteDefinition<Body> extends OperationDescription {
  readonly method: 'post' | 'patch';
  readonly body: RequestBody<Body>;
  readonly handle: (ctx: Context, request: { readonly id: number; readonly body: Body }) => Promise<void>;
}

/** An unknown parameter is a slip of the pen, and refused. */
export const noParameters = z.strictObject({});

export function defineRead<Query extends z.ZodObject>({ handle, ...description }: ReadDefinition<Query>): Operation {
  const { query, resource } = description;
  return {
    ...description,
    answer(ctx) {
      refuseOtherMediaTypes(ctx);
      return handle(ctx, { id: readId(ctx, resource), query: validate('query', query, parse(ctx.querystring)) });
    },
  };
}

export function defineWrite<Body>({ handle, ...description }: WriteDefinition<Body>): Operation {
  const { body, resource } = description;
  return {
    ...description,
    query: noParameters,
    async answer(ctx) {
      refuseOtherMediaTypes(ctx);
      validate('query', noParameters, parse(ctx.querystring));
      const id = readId(ctx, resource);
      await handle(ctx, { id, body: validate('body', body.schema, await readJsonBody(ctx, body.mediaTypes)) });
    },
  };
}

function readId(ctx: Context, resource: ResourceName | undefined): number {
  if (resource === undefined) return 0;
  const { id: text = '' }: Readonly<Record<string, string>> = ctx['params'];
  const id = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(id)) return id;
  throw new DomainError(
    `${resource}-not-found`,
    `there is no ${resource} "${text.slice(0, 40)}": an id is a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`,
  );
}

function refuseOtherMediaTypes(ctx: Context): void {
  const { accept } = ctx.req.headers;
  if (accept === undefined || accept === '*/*' || accept === 'application/json' || ctx.accepts('application/json'))
    return;
  throw new HttpError('not-acceptable', `the answer is application/json, which "Accept: ${accept}" leaves out`);
}
