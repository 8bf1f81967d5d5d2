import type * as crypto from 'node:crypto';

import type { Context } from 'koa';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { createBearerAuthorization } from '../../src/http/bearer-token.ts';

const timingSafeEqual = vi.hoisted(() => vi.fn<typeof crypto.timingSafeEqual>());
vi.mock('node:crypto', async (importOriginal) => ({ ...(await importOriginal<typeof crypto>()), timingSafeEqual }));
const { timingSafeEqual: reallyEqual } = await vi.importActual<typeof crypto>('node:crypto');

const token = 'canary-token-0f5e77b1';
const tokens = [token, `${token}x`, token.slice(0, -1), `x${token.slice(1)}`, 'x', '', 'x'.repeat(8_000), 'é'];

function isAuthorized(authorization: string): boolean {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what it asks a context for
  const context = { get: () => authorization, set: () => undefined } as unknown as Context;
  try {
    createBearerAuthorization(token)(context);
    return true;
  } catch {
    return false;
  }
}

describe('the bearer token', () => {
  afterEach(() => timingSafeEqual.mockReset());

  it('is compared by digests of one length whatever was given, and not before', () => {
    timingSafeEqual.mockImplementation(reallyEqual);
    expect(tokens.filter((given) => isAuthorized(`Bearer ${given}`))).toEqual([token]);
    const compared = timingSafeEqual.mock.calls;
    expect(compared).toHaveLength(tokens.filter((given) => given !== '').length);
    for (const [given, expected] of compared) {
      expect([given.byteLength, expected.byteLength]).toEqual([32, 32]);
      expect(Buffer.from(expected.buffer).includes(token)).toBe(false);
    }
  });

  it.each([true, false])('is right when that comparison says %s, and only then', (equal) => {
    timingSafeEqual.mockReturnValue(equal);
    const given = tokens.filter((text) => text !== '');
    expect(given.filter((text) => isAuthorized(`Bearer ${text}`))).toEqual(equal ? given : []);
  });
});
