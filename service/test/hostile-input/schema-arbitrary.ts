import * as fc from 'fast-check';

import type { ApiDocument, Schema } from './documented-api.ts';
import { type JsonText, toJsonText } from './json-text.ts';

/** JSON that the schema allows; its examples, small numbers and short lists far more often than others. */
export function validJson(document: ApiDocument, schema: Schema): fc.Arbitrary<JsonText> {
  const other = otherJson(document, schema);
  if (schema.example === undefined) return other;
  const example = fc.constant(toJsonText(schema.example));
  return fc.oneof({ weight: 3, arbitrary: example }, { weight: 1, arbitrary: other });
}

function otherJson(document: ApiDocument, schema: Schema): fc.Arbitrary<JsonText> {
  if (schema.$ref !== undefined) return validJson(document, resolve(document, schema.$ref));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.type === 'object') return validObject(document, schema);
  if (schema.type === 'array') {
    const item = validJson(document, schema.items ?? {});
    const one = item.map((only) => [only]);
    const some = fc.array(item, { maxLength: Math.min(3, schema.maxItems ?? 3), size: 'max' });
    return fc.oneof({ weight: 3, arbitrary: one }, { weight: 1, arbitrary: some });
  }
  if (schema.type === 'integer') return validInteger(schema);
  if (schema.type === 'string') return validText(schema);
  throw new Error(`no arbitrary for the schema ${JSON.stringify(schema)}: add its type here`);
}

function resolve({ components }: ApiDocument, reference: string): Schema {
  const schema = components.schemas[reference.replace('#/components/schemas/', '')];
  if (schema === undefined) throw new Error(`${reference} is not in the document`);
  return schema;
}

function validObject(document: ApiDocument, { properties = {}, required = [] }: Schema): fc.Arbitrary<JsonText> {
  const members = Object.entries(properties).map(([name, schema]) => {
    const member = validJson(document, schema).map((value) => [[name, value] as const]);
    return required.includes(name) ? member : fc.oneof(member, fc.constant([]));
  });
  return fc.tuple(...members).map((present) => ({ members: present.flat() }));
}

function validInteger({ minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER }: Schema) {
  const [min, max] = [Math.max(minimum, 1), Math.min(maximum, 12)];
  return fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min, max }) },
    { weight: 1, arbitrary: fc.maxSafeInteger().filter((value) => value >= minimum && value <= maximum) },
  );
}

export function validText(schema: Schema): fc.Arbitrary<string> {
  const { format, pattern, minLength = 0, maxLength = 300 } = schema;
  if (format === 'date') return fc.constantFrom('2027-01-01', '2027-03-31', '2028-02-29', '0000-01-01', '9999-12-31');
  if (format === 'date-time')
    return fc.constantFrom('2999-01-01T00:00:00Z', '2027-01-01T19:30:00.5+09:00', '0000-01-01T00:00:00+23:59');
  const allowed = pattern === undefined ? /^/ : new RegExp(pattern, 'u');
  const text = /\\d|\\x/.test(pattern ?? '')
    ? fc.stringMatching(new RegExp(pattern ?? ''))
    : fc.oneof(fc.constantFrom('VIP', 'R', 'Seoul', '서울'), fc.string({ unit: 'grapheme', minLength, maxLength: 12 }));
  return text.filter((value) => value.length >= minLength && value.length <= maxLength && allowed.test(value));
}
