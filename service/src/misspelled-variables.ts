import { type ConfigVariable, configVariables, ownPrefixes } from './config-variables.ts';

/** An edit more, and DATABASE_PORT would be DATABASE_URL. */
const mostTypos = 2;

const known = Object.entries<ConfigVariable>(configVariables).flatMap(([name, { secret }]) =>
  secret ? [name, `${name}_FILE`] : [name],
);

/**
 * Ours that are not there and are near one that is. Others with our prefixes may be there: Kubernetes gives every
 * container DATABASE_PORT and API_SERVICE_HOST when it has services called `database` and `api`.
 */
export function misspelledVariables(environment: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(environment)
    .filter((name) => ownPrefixes.some((prefix) => name.startsWith(prefix)) && !known.includes(name))
    .flatMap((name) => {
      const meant =
        known.find((other) => other.startsWith(`${name}_`)) ??
        known.find((other) => editDistance(other, name) <= mostTypos);
      return meant === undefined ? [] : [`${name} is not a variable of the service: did you mean ${meant}?`];
    });
}

/** Levenshtein distance, by rows (Wagner and Fischer, "The String-to-String Correction Problem", 1974). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let index = 0; index < a.length; index++) {
    const next = [index + 1];
    for (let column = 1; column <= b.length; column++) {
      const substitution = (row[column - 1] ?? 0) + (a[index] === b[column - 1] ? 0 : 1);
      next.push(Math.min((row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1, substitution));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
