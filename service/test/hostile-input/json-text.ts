/** JSON as it is written, with what no value can say: a name twice, `1e400`, half of a surrogate pair. */
export type JsonText =
  | null
  | boolean
  | number
  | string
  | readonly JsonText[]
  | { readonly members: readonly (readonly [string, JsonText])[] }
  /** Stands there as it is. */
  | { readonly raw: string };

export function writeJson(json: JsonText): string {
  if (json === null || typeof json !== 'object') return JSON.stringify(json);
  if (isList(json)) return `[${json.map(writeJson).join(',')}]`;
  if ('raw' in json) return json.raw;
  return `{${json.members.map(([name, value]) => `${JSON.stringify(name)}:${writeJson(value)}`).join(',')}}`;
}

const isList = (json: JsonText): json is readonly JsonText[] => Array.isArray(json);

/** The text of what a JSON parser has read. */
export function toJsonText(value: unknown): JsonText {
  if (Array.isArray(value)) return value.map(toJsonText);
  if (typeof value !== 'object' || value === null) return { raw: JSON.stringify(value) };
  return { members: Object.entries(value).map(([name, member]) => [name, toJsonText(member)]) };
}

/** How many values there are in it, itself included. */
export function countValues(json: JsonText): number {
  return 1 + childrenOf(json).reduce<number>((sum, child) => sum + countValues(child), 0);
}

function childrenOf(json: JsonText): readonly JsonText[] {
  if (json === null || typeof json !== 'object' || 'raw' in json) return [];
  return isList(json) ? json : json.members.map(([, value]) => value);
}

/** A copy with another one in the place of the value `position`, counted from 0 with parents before their children. */
export function replaceValue(json: JsonText, position: number, change: (value: JsonText) => JsonText): JsonText {
  if (position === 0) return change(json);
  let before = 1;
  const visit = (child: JsonText): JsonText => {
    const [first, size] = [before, countValues(child)];
    before += size;
    return position >= first && position < first + size ? replaceValue(child, position - first, change) : child;
  };
  if (json === null || typeof json !== 'object' || 'raw' in json) return json;
  return isList(json) ? json.map(visit) : { members: json.members.map(([name, value]) => [name, visit(value)]) };
}
