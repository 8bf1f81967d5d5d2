import { parse } from 'node:querystring';

import type { Context } from 'koa';
import { z } from 'zod';

import { DomainError } from '../domain-error.ts';
import { readJsonBody } from './json-body.ts';
import { HttpError, type ProblemCode } from './problem-details.ts';
import { validate } from './validation.ts';

/** A thing with an id in its address. */
export type ResourceName = 'venue' | 'hall' | 'performance' | 'showtime' | 'seat-creation' | 'dead-letter';

/** What one method of one address takes and gives: the schemas validate, and make the OpenAPI document. */
export interface OperationDescription {
  readonly method: 'get' | 'post' | 'patch';
  /** With `{id}` where `resource` has its id. */
  readonly path: `/${string}`;
  readonly operationId: string;
  readonly summary: string;
  readonly resource?: ResourceName;
  readonly success: {
    readonly status: 200 | 201 | 202;
    readonly schema: z.ZodType;
    /** Header fields of the answer and what they say. */
    readonly headers?: Readonly<Record<string, string>>;
    /** Has an `ETag` and answers `If-None-Match` with 304. */
    readonly conditional?: boolean;
  };
  /** Whether a read needs the bearer token, as every write does. */
  readonly secured?: boolean;
  /** Header fields of the request that mean something to it. */
  readonly header?: z.ZodObject;
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
  readonly handle: (ctx: Context, request: PathId & { readonly query: z.output<Query> }) => Promise<void> | void;
}

interface PathId {
  /** Of the resource in the path; 0, which nothing has, when the path names none, or by another kind of id. */
  readonly id: number;
  /** The path's id as it stands there. */
  readonly idText: string;
}

interface ActionDefinition extends OperationDescription {
  readonly method: 'post';
  readonly handle: (ctx: Context, request: PathId) => Promise<void>;
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
      return handle(ctx, { ...readId(ctx, resource), query: validate('query', query, parse(ctx.querystring)) });
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
      const { id } = readId(ctx, resource);
      await handle(ctx, { id, body: validate('body', body.schema, await readJsonBody(ctx, body.mediaTypes)) });
    },
  };
}

const jsonMediaTypes = ['application/json'];

/** A write that its address says all about: without a body, or with an empty object. */
export function defineAction({ handle, ...description }: ActionDefinition): Operation {
  const { resource } = description;
  return {
    ...description,
    query: noParameters,
    async answer(ctx) {
      refuseOtherMediaTypes(ctx);
      validate('query', noParameters, parse(ctx.querystring));
      const pathId = readId(ctx, resource);
      const { 'content-length': length, 'transfer-encoding': encoding } = ctx.req.headers;
      if (encoding !== undefined || (length ?? '0') !== '0') {
        validate('body', noParameters, await readJsonBody(ctx, jsonMediaTypes));
      }
      await handle(ctx, pathId);
    },
  };
}

/** Whether the bearer token is asked for. */
export function needsToken({ method, secured = false }: OperationDescription): boolean {
  return method !== 'get' || secured;
}

/** Named by a text of their own, which the use case knows how to read. */
const namedByText: ReadonlySet<ResourceName | undefined> = new Set(['seat-creation', 'dead-letter']);

export function isNamedByText(resource: ResourceName | undefined): boolean {
  return namedByText.has(resource);
}

function readId(ctx: Context, resource: ResourceName | undefined): PathId {
  const { id: text = '' }: Readonly<Record<string, string>> = ctx['params'];
  if (resource === undefined || isNamedByText(resource)) return { id: 0, idText: text };
  const id = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(id)) return { id, idText: text };
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
