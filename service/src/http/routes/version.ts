import { defineRead, noParameters, type Operation } from '../operation.ts';
import { type Version, versionSchema } from '../schemas.ts';

export function versionOperation(version: Version): Operation {
  return defineRead({
    method: 'get',
    path: '/version',
    operationId: 'getVersion',
    summary: 'Which build and which variant runs',
    query: noParameters,
    success: { status: 200, schema: versionSchema },
    handle(ctx) {
      ctx.body = version;
    },
  });
}
