import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { genres } from '../../src/catalog/model.ts';
import { entryKeys } from '../../src/performance-cache/keys.ts';
import { jitteredTtlMs } from '../../src/performance-cache/look-aside.ts';
import type { PerformanceReadKey } from '../../src/performance-cache/performance-cache.ts';
import { createRepresentation } from '../../src/performance-cache/representation.ts';
import {
  carriesTokens,
  decodeStoredValue,
  encodeStoredValue,
  newToken,
} from '../../src/performance-cache/stored-value.ts';

const optionalText = fc.option(fc.string({ maxLength: 300, unit: 'binary' }), { nil: undefined });
const anyKey: fc.Arbitrary<PerformanceReadKey> = fc.oneof(
  fc.record({ kind: fc.constant('detail' as const), performanceId: fc.integer({ min: 1 }) }),
  fc.record({
    kind: fc.constant('list' as const),
    genre: fc.option(fc.constantFrom(...genres), { nil: undefined }),
    city: optionalText,
    cursor: optionalText,
    limit: fc.integer({ min: 1, max: 100 }),
  }),
);

describe('keys', () => {
  it('are the same for the same read only, and short whatever the city is called', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (one, other) => {
        const same = JSON.stringify(Object.entries(one)) === JSON.stringify(Object.entries(other));
        expect(entryKeys(one).value === entryKeys(other).value).toBe(same);
        expect(entryKeys(one).lease.length).toBeLessThan(256);
      }),
    );
  });

  it('tell an absent city from one that looks like it, and a city from a cursor', () => {
    const key = (city?: string, cursor?: string): string =>
      entryKeys({ kind: 'list', genre: undefined, city, cursor, limit: 20 }).value;
    const all = [
      key(),
      key('null'),
      key(''),
      key(undefined, ''),
      key('a', 'b'),
      key('b', 'a'),
      key('a","b'),
      key('a'),
      key('A'),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('a stored value', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(
        fc.option(fc.jsonValue(), { nil: undefined }),
        fc.nat(),
        fc.integer({ min: 1, max: 2 }),
        (json, at, n) => {
          const tokens = Array.from({ length: n }, newToken);
          const value = { representation: json === undefined ? undefined : createRepresentation(json), storedAtMs: at };
          const bytes = encodeStoredValue(tokens.join(''), value);
          expect(decodeStoredValue(bytes, n)).toEqual(value);
          expect(
            carriesTokens(
              bytes,
              tokens.map((token) => Buffer.from(token)),
            ),
          ).toBe(true);
          expect(
            carriesTokens(
              bytes,
              tokens.map(() => Buffer.from(newToken())),
            ),
          ).toBe(false);
          expect(
            carriesTokens(
              bytes,
              tokens.map(() => null),
            ),
          ).toBe(false);
        },
      ),
    );
  });

  it('is never taken from garbage, and reading garbage throws nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (garbage) => {
        const bytes = Buffer.from(garbage);
        expect(() => decodeStoredValue(bytes, 1)).not.toThrow();
        expect(carriesTokens(bytes, [Buffer.from(newToken())])).toBe(false);
      }),
    );
  });
});

it('an entity tag is strong, and changes with the bytes', () => {
  const { body, etag } = createRepresentation({ title: '라 보엠' });
  expect(body.toString()).toBe('{"title":"라 보엠"}');
  expect(etag).toMatch(/^"[\w-]{27}"$/);
  expect(createRepresentation({ title: '라 보엠' }).etag).toBe(etag);
  expect(createRepresentation({ title: '라 보엠 ' }).etag).not.toBe(etag);
});

it('a TTL varies by ten percent to either side, and is never 0', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 86_400_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (ttlMs, u) => {
        const jittered = jitteredTtlMs(ttlMs, () => u);
        expect(jittered).toBeGreaterThanOrEqual(Math.max(1, Math.floor(0.9 * ttlMs)));
        expect(jittered).toBeLessThanOrEqual(Math.ceil(1.1 * ttlMs));
      },
    ),
  );
  expect([0, 0.5, 1].map((u) => jitteredTtlMs(30_000, () => u))).toEqual([27_000, 30_000, 33_000]);
});
