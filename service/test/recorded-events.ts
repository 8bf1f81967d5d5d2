/** A logger that keeps the event names, in order. */
export function recordEvents(): {
  readonly events: readonly string[];
  readonly logger: Record<'info' | 'warn', (fields: unknown) => void>;
} {
  const events: string[] = [];
  const record = (fields: unknown): void => {
    if (typeof fields === 'object' && fields && 'event' in fields) events.push(String(fields.event));
  };
  return { events, logger: { info: record, warn: record } };
}
