import { z } from 'zod';

import { createRepresentation } from '../../performance-cache/representation.ts';
import { answerEntity } from '../entity-answer.ts';
import { createOpenApiDocument } from '../openapi-document.ts';
import { defineRead, noParameters, type Operation } from '../operation.ts';

/** Describes the given operations, and itself. */
export function openApiOperation(operations: readonly Operation[]): Operation {
  const operation = defineRead({
    method: 'get',
    path: '/openapi.json',
    operationId: 'getOpenApiDocument',
    summary: 'This description, OpenAPI 3.1',
    query: noParameters,
    success: { status: 200, schema: z.looseObject({ openapi: z.string() }), conditional: true },
    handle(ctx) {
      answerEntity(ctx, representation);
    },
  });
  const representation = createRepresentation(createOpenApiDocument([...operations, operation]));
  return operation;
}
