/** More of one file are only counted. */
const mostShown = 5;
const longest = 100;

/** `report.md:3: says "÷ 24 [22, 24]", the evidence gives "÷ 23 [22, 24]"`; none for equal texts. */
export function differencesOf(file: string, actual: string, expected: string): string[] {
  if (actual === expected) return [];
  const [said, given] = [actual.split('\n'), expected.split('\n')];
  const found = Array.from({ length: Math.max(said.length, given.length) }, (_, index) => index).filter(
    (index) => said[index] !== given[index],
  );
  // After a line too many or too few all that follows is elsewhere.
  const shifted = said.length !== given.length;
  const shown = found.slice(0, shifted ? 1 : mostShown).map((index) => {
    const [one, other] = excerpts(said[index] ?? '', given[index] ?? '');
    return `${file}:${index + 1}: says "${one}", the evidence gives "${other}"`;
  });
  if (shifted) return [...shown, `${file}: has ${said.length} lines, the evidence gives ${given.length}`];
  const rest = found.length - shown.length;
  return rest === 0 ? shown : [...shown, `${file}: ${rest} more line${rest === 1 ? '' : 's'}`];
}

/** Of each line the part that differs, with the words that it touches, one before and two after. */
function excerpts(one: string, other: string): [string, string] {
  const shorter = Math.min(one.length, other.length);
  let start = 0;
  while (start < shorter && one[start] === other[start]) start += 1;
  let tail = 0;
  while (tail < shorter - start && one.at(-1 - tail) === other.at(-1 - tail)) tail += 1;
  const from = twoWordsBack(one, start);
  const ending = one.slice(one.length - tail);
  const following = /^\S*(\s+\S+){0,2}/.exec(ending)?.[0] ?? '';
  const cut = (text: string) => {
    const excerpt = text.slice(from, text.length - tail) + following;
    return excerpt.length > longest ? `${excerpt.slice(0, longest)}…` : excerpt;
  };
  return [cut(one), cut(other)];
}

function twoWordsBack(text: string, at: number): number {
  return at - (/(\S+\s+)?\S*$/.exec(text.slice(Math.max(0, at - longest / 2), at))?.[0].length ?? 0);
}
