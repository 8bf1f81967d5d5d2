import * as fc from 'fast-check';

import type { ApiDocument, Operation } from './documented-api.ts';
import { countValues, type JsonText, replaceValue, writeJson } from './json-text.ts';
import { validJson } from './schema-arbitrary.ts';

export interface HostileBody {
  readonly bytes: Buffer | undefined;
  readonly made: string;
}

const bodyLimitBytes = 1024 * 1024;

/** From the operation's schema, bent away from it, or anything. */
export function hostileBody(document: ApiDocument, { documented }: Operation): fc.Arbitrary<HostileBody> {
  const [content] = Object.values(documented.requestBody?.content ?? {});
  if (content === undefined)
    return fc.oneof(
      { weight: 12, arbitrary: fc.constant({ bytes: undefined, made: 'none' }) },
      { weight: 1, arbitrary: written(fc.constant({ members: [] }), 'empty object') },
      { weight: 1, arbitrary: anything },
    );
  const valid = validJson(document, content.schema);
  return fc.oneof(
    { weight: 20, arbitrary: written(valid, 'valid') },
    { weight: 40, arbitrary: written(bent(valid), 'bent') },
    { weight: 10, arbitrary: written(bent(bent(valid)), 'bent twice') },
    { weight: 10, arbitrary: anything },
    { weight: 1, arbitrary: large },
    { weight: 1, arbitrary: tooLarge },
  );
}

function written(json: fc.Arbitrary<JsonText>, made: string): fc.Arbitrary<HostileBody> {
  return json.map((value) => ({ bytes: Buffer.from(writeJson(value)), made }));
}

const nested = (depth: number, [open, close]: readonly [string, string]): JsonText => ({
  raw: `${open.repeat(depth)}1${close.repeat(depth)}`,
});

const rawValues = [
  '1e400 -1e400 -0 1.5 1e-400 12345678901234567890 1000000000 9007199254740992 01 NaN',
  '"\\ud800" "\\u0000" "\\udfff\\ud800" "\u2028" "\\ufffe" {"__proto__":{"x":1}}',
]
  .flatMap((line) => line.split(' '))
  .map((raw) => ({ raw }));
const texts = ['', ' ', 'x'.repeat(300), '\u0007', 'e\u0301'.repeat(80), '2027-02-30', '24:00', '__proto__'];
const family = '\u{1F469}\u200D\u{1F469}\u200D\u{1F467}';

const hostileValue: fc.Arbitrary<JsonText> = fc.oneof(
  fc.constantFrom<JsonText[]>(...rawValues, nested(1_000, ['[', ']']), nested(1_000, ['{"a":', '}'])),
  fc.constantFrom<JsonText[]>(...texts, family.repeat(30), null, true, 0, -1, 1, 2, 3, 1_000_000, 1_000_001, 2 ** 53),
  fc.constantFrom<JsonText[]>([], { members: [] }, [[]], [null]),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

const hostileName = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', '', 'a/b~c', 'name', 'from', '\ud800', 'x'.repeat(300)),
  fc.string({ unit: 'binary', maxLength: 5 }),
);

/** One value somewhere in it is another one, is gone, is there twice, or has company. */
function bent(json: fc.Arbitrary<JsonText>): fc.Arbitrary<JsonText> {
  const change = fc.oneof(
    { weight: 6, arbitrary: hostileValue.map((value) => () => value) },
    { weight: 1, arbitrary: fc.nat(5).map((index) => (value: JsonText) => withoutChild(value, index)) },
    { weight: 2, arbitrary: fc.nat(5).map((index) => (value: JsonText) => withChildTwice(value, index)) },
    {
      weight: 1,
      arbitrary: fc.tuple(hostileName, hostileValue).map((member) => (value: JsonText) => withMember(value, member)),
    },
  );
  return fc
    .tuple(json, fc.nat(), change)
    .map(([value, position, changed]) => replaceValue(value, position % countValues(value), changed));
}

function withoutChild(value: JsonText, index: number): JsonText {
  if (value === null || typeof value !== 'object' || 'raw' in value) return null;
  if (!('members' in value)) return value.filter((_, at) => at !== index % value.length);
  return { members: value.members.filter((_, at) => at !== index % value.members.length) };
}

function withChildTwice(value: JsonText, index: number): JsonText {
  if (value === null || typeof value !== 'object' || 'raw' in value) return [value, value];
  if (!('members' in value)) return [...value, ...value.slice(index % Math.max(1, value.length))];
  return { members: [...value.members, ...value.members.slice(index % Math.max(1, value.members.length))] };
}

function withMember(value: JsonText, member: readonly [string, JsonText]): JsonText {
  return value !== null && typeof value === 'object' && 'members' in value
    ? { members: [...value.members, member] }
    : { members: [member] };
}

const anything: fc.Arbitrary<HostileBody> = fc.oneof(
  fc.json({ maxDepth: 4 }).map((text) => ({ bytes: Buffer.from(text), made: 'any JSON' })),
  written(hostileValue, 'a hostile value'),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => ({ bytes: Buffer.from(bytes), made: 'any bytes' })),
  fc
    .constantFrom('', ' ', '{', '{"name":', '[', '"', 'null', '\uFEFF{}', '{}{}', '{"a":1,}', '// x\n{}')
    .map((text) => ({
      bytes: Buffer.from(text),
      made: 'a text',
    })),
);

const filled = (head: string, item: string, tail: string): string =>
  `${head}${`${item},`.repeat((bodyLimitBytes - 200) / (item.length + 1))}${item}${tail}`;
const block = '{"rows":{"from":1,"to":1},"seats":{"from":1,"to":1}}';
const section = '{"name":"A","grade":"VIP","blocks":[]}';
const toSections = '{"name":"x","seatingPlan":{"floors":[{"name":"1","sections":';
const toBlocks = `${toSections}[{"name":"A","grade":"VIP","blocks":`;

/** Nearly as much as a body may be, made so that each byte is as much work as possible. */
const largeBodies: Readonly<Record<string, () => string>> = {
  'prices that are numbers': () => filled('{"prices":[', '0', ']}'),
  'prices without anything': () => filled('{"prices":[', '{}', ']}'),
  'floors that are numbers': () => filled('{"name":"x","seatingPlan":{"floors":[', '0', ']}}'),
  'a floor of empty sections': () => filled(`${toSections}[`, section, ']}]}}'),
  'a section of one block, over and over': () => filled(`${toBlocks}[`, block, ']}]}]}}'),
  'blocks that are numbers': () => filled(`${toBlocks}[`, '0', ']}]}]}}'),
  'blocks without anything': () => filled(`${toBlocks}[`, '{}', ']}]}]}}'),
  'blocks without numbers': () => filled(`${toBlocks}[`, '{"rows":{},"seats":{}}', ']}]}]}}'),
  'blocks of too large numbers': () =>
    filled(`${toBlocks}[`, '{"rows":{"from":9e99,"to":9e99},"seats":{"from":9e99,"to":9e99}}', ']}]}]}}'),
  'sections without names': () => filled(`${toSections}[`, '{"name":"","grade":"","blocks":[]}', ']}]}}'),
  'unknown names': () =>
    `{${Array.from({ length: 90_000 }, (_, index) => `"${index.toString(36).padStart(4, 'x')}":1`).join(',')}}`,
  'a long unknown name': () => `{"${'x'.repeat(1_000_000)}":1}`,
  'nested lists': () => `${'['.repeat(500_000)}${']'.repeat(500_000)}`,
  'nested objects': () => `{"name":${'{"a":'.repeat(150_000)}1${'}'.repeat(150_000)}}`,
  'a long text': () => `{"title":"${'x'.repeat(1_000_000)}"}`,
  'a long text of escapes': () => `{"introduction":"${'\\u0000'.repeat(170_000)}"}`,
  'a long number': () => `{"hallId":${'9'.repeat(1_000_000)}}`,
  'one name, over and over': () => `{${filled('', '"name":"x"', '')}}`,
};

const large: fc.Arbitrary<HostileBody> = fc
  .constantFrom(...Object.entries(largeBodies))
  .map(([made, write]) => ({ bytes: Buffer.from(write()), made }));

const tooLarge = written(fc.constant({ raw: `{"name":"${'x'.repeat(bodyLimitBytes)}"}` }), 'more than 1 MiB');
