import { describe, expect, it } from 'vitest';

import { createLogger } from '../../src/telemetry/logger.ts';
import { createRequestIds, requestContext } from '../../src/telemetry/request-context.ts';

function createRecorder(secrets: readonly string[] = []) {
  const lines: string[] = [];
  const logger = createLogger({ level: 'info', secrets }, { write: (line: string) => void lines.push(line) });
  return { logger, lines };
}

const parse = (line: string): Record<string, unknown> => JSON.parse(line);

describe('the logger', () => {
  it('writes one line of JSON with the event, its fields and the level by name', () => {
    const { logger, lines } = createRecorder();
    logger.info({ event: 'listening', apiPort: 3000 });
    expect(lines.map(parse)).toEqual([expect.objectContaining({ level: 'info', event: 'listening', apiPort: 3000 })]);
  });

  it('writes the request id on every line below a request, and on none beside it', async () => {
    const { logger, lines } = createRecorder();
    await requestContext.run({ requestId: 'r-1' }, async () => {
      logger.info({ event: 'first', other: 1 });
      await Promise.resolve();
      logger.info({ event: 'second' });
    });
    logger.info({ event: 'outside' });
    const [first, second, outside] = lines.map(parse);
    expect([first?.['requestId'], second?.['requestId'], outside?.['requestId']]).toEqual(['r-1', 'r-1', undefined]);
    expect(second).not.toHaveProperty('other');
  });

  it('cuts secrets out of messages, causes and stacks, also when JSON has escaped them', () => {
    const secrets = ['p@ss"word-1', 'postgres://lab:canary@db/x'];
    const { logger, lines } = createRecorder(secrets);
    const cause = new Error(`could not use ${secrets[1]}`);
    logger.error({
      event: 'failed',
      err: new Error(`login with p@ss"word-1`, { cause }),
      authorization: 'Bearer canary',
    });
    expect(lines.join('')).not.toMatch(/canary|word-1/);
    expect(lines.join('')).toContain('[redacted]');
  });
});

it('makes ids that are unique, and takes only modest ones', () => {
  const requestIdOf = createRequestIds();
  expect(requestIdOf('a.b-c_1')).toBe('a.b-c_1');
  const made = [undefined, '', 'with space', 'x'.repeat(65), 'line\nfeed', ['a', 'b']].map(requestIdOf);
  expect(new Set(made).size).toBe(made.length);
  for (const id of made) expect(id).toMatch(/^[0-9a-f]{12}-\w+$/);
});
