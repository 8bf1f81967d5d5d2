const earliest = Date.parse('0001-01-01T00:00:00.000Z');
const latest = Date.parse('9999-12-31T23:59:59.999Z');

/** The instant as the domain writes it: ISO 8601 in UTC with milliseconds, which sorts as text. */
export function parseInstant(value: string): string | undefined {
  const milliseconds = Date.parse(value);
  return milliseconds >= earliest && milliseconds <= latest ? new Date(milliseconds).toISOString() : undefined;
}

/** Whether `value` is a day of the calendar as the domain writes it: `YYYY-MM-DD`, years 0001 to 9999. */
export function isDate(value: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(value)) return false;
  const milliseconds = Date.parse(`${value}T00:00:00.000Z`);
  return milliseconds >= earliest && new Date(milliseconds).toISOString().startsWith(value);
}
