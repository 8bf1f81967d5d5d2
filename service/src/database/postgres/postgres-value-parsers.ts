import { types } from 'pg';

const asText = (text: string) => text;

/**
 * Parsers of this pool alone, by type: bigint as a number (ids stay below 2^53), timestamptz as an ISO instant,
 * date and json as text. The session's time zone is UTC, so an instant ends in `+00`.
 */
const parsers = new Map<number, (text: string) => unknown>([
  [types.builtins.INT8, Number],
  [types.builtins.DATE, asText],
  [types.builtins.JSON, asText],
  [types.builtins.TIMESTAMPTZ, (text) => new Date(`${text.slice(0, -3).replace(' ', 'T')}Z`).toISOString()],
]);

export const postgresValueParsers = {
  getTypeParser(type: number): (text: string) => unknown {
    const builtIn: (text: string) => unknown = types.getTypeParser(type);
    return parsers.get(type) ?? builtIn;
  },
};
