import { expect, it } from 'vitest';

import { matchesEntityTag } from '../../src/http/entity-answer.ts';

it.each([
  ['the tag itself', '"abc"'],
  ['any', '*'],
  ['any, with spaces', ' * '],
  ['a weak form of it', 'W/"abc"'],
  ['a list with it', '"x", "abc" , "y"'],
  ['a list with a weak form of it', 'W/"x",W/"abc"'],
  ['a list with a tag that has a comma', '"x,y", "abc"'],
])('matches %s', (_name, header) => {
  expect(matchesEntityTag(header, '"abc"')).toBe(true);
});

it.each([
  ['another tag', '"abd"'],
  ['a tag that begins with it', '"abcd"'],
  ['a tag that only contains it', '"x,abc,y"'],
  ['the tag without quotes', 'abc'],
  ['nothing', ''],
  ['a list with a star, which is no entity tag', '"x", *'],
])('does not match %s', (_name, header) => {
  expect(matchesEntityTag(header, '"abc"')).toBe(false);
});
