import { describe, expect, test } from 'vitest';

import { themeVariables } from '../report/theme.ts';

const [light, dark] = themeVariables(':root')
  .split('\n')
  .map(
    (rule) => new Map([...rule.matchAll(/--([\w-]+):(#\w{6})/g)].map(([, name = '', colour = '']) => [name, colour])),
  );

/** Relative luminance and contrast as WCAG 2.2 defines them. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

test('contrast of black on white is 21, of white on white 1', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 6);
  expect(contrast('#ffffff', '#ffffff')).toBe(1);
});

describe.each([
  ['light', light],
  ['dark', dark],
])('the %s theme', (_, colours = new Map()) => {
  const pairs = [
    ...['ink', 'muted', 'before', 'after', 'confirmed', 'refuted', 'inconclusive', 'invalid'].map((text) => [
      text,
      'surface',
    ]),
    ...['before', 'after', 'ink'].map((text) => [text, 'region']),
    ...['database', 'service', 'redis-cache', 'generator', 'steal'].map((part) => ['on-dark-part', part]),
    ...['idle', 'other', 'lab', 'redis-queue', 'panel'].map((part) => ['ink', part]),
  ];

  test.each(pairs)('reads %s on %s at 4.5 or more', (text = '', ground = '') => {
    expect(contrast(colours.get(text) ?? '', colours.get(ground) ?? '')).toBeGreaterThanOrEqual(4.5);
  });
});
