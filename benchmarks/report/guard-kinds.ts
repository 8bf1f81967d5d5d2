/**
 * `equal-answers-3` is what `equal-answers` saw after block 3, and `commit-of-after-block-4` what `commit-of-after` saw
 * before block 4: one guard, asked several times.
 */
export function guardKind(guard: string): string {
  return guard.replace(/(?:-block)?-\d+$/, '');
}
