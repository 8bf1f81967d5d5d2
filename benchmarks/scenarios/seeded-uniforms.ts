/**
 * A stream of numbers in [0, 1) that depends on these integers only, so that a request sequence can be asked
 * for again. The integers are mixed by MurmurHash3's finalizer, the stream is Mulberry32.
 */
export function seededUniforms(...integers: readonly number[]): () => number {
  let state = integers.reduce((mixed, integer) => mix(mixed ^ integer) + 0x9e3779b9, 0) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), 61 | bits);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

function mix(integer: number): number {
  let bits = integer | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
