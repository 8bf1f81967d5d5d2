/** What of OpenAPI 3.1 the service's document uses, as JSON Schema 2020-12 has it. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly example?: unknown;
}

export interface DocumentedResponse {
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

export interface DocumentedOperation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, DocumentedResponse>>;
}

export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
  readonly 'x-problems': Readonly<Record<string, { readonly status: number }>>;
}

export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly documented: DocumentedOperation;
}

export function operationsOf(document: ApiDocument): readonly Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, documented]) => ({ method: method.toUpperCase(), path, documented })),
  );
}

/** The documented path that a request target is of; only what stands in the place of `{id}` may be anything. */
export function findPath(document: ApiDocument, target: string): string | undefined {
  const [path = ''] = target.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/, 1);
  const segments = path.split('/');
  return Object.keys(document.paths).find((known) => {
    const wanted = known.split('/');
    return (
      wanted.length === segments.length &&
      wanted.every((segment, index) => (segment === '{id}' ? segments[index] !== '' : segment === segments[index]))
    );
  });
}

/** HEAD is what GET is, without the body. */
export function findOperation(
  document: ApiDocument,
  { method, target }: { readonly method: string; readonly target: string },
): DocumentedOperation | undefined {
  const path = findPath(document, target);
  return path === undefined ? undefined : document.paths[path]?.[(method === 'HEAD' ? 'GET' : method).toLowerCase()];
}
