import { DomainError } from '../domain-error.ts';

const earliest = Date.parse('0001-01-01T00:00:00.000Z');
const latest = Date.parse('9999-12-31T23:59:59.999Z');

/** The instant as the domain writes it: ISO 8601 in UTC with milliseconds, which sorts as text. */
export function toInstant(parameter: string, value: string): string {
  const milliseconds = Date.parse(value);
  if (!(milliseconds >= earliest && milliseconds <= latest)) {
    throw new DomainError(
      'invalid-request',
      `${parameter} must be an instant such as 2026-11-23T19:30:00.000Z, got "${value}"`,
      { parameter, value },
    );
  }
  return new Date(milliseconds).toISOString();
}

/** Whether `value` is a day of the calendar as the domain writes it: `YYYY-MM-DD`, years 0001 to 9999. */
export function isDate(value: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(value)) return false;
  const milliseconds = Date.parse(`${value}T00:00:00.000Z`);
  return milliseconds >= earliest && new Date(milliseconds).toISOString().startsWith(value);
}
