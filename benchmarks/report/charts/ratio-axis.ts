/** Pixels between two ticks. */
const leastTickDistance = 48;
const steps = [1, 1.2, 1.5, 2, 3, 5, 7];

/** Round ratios for a logarithmic axis from `start` to `end`, from 1 outwards, as many as `width` pixels have room for. */
export function ratioTicks(start: number, end: number, width: number): number[] {
  const distance = Math.log(end / start) / Math.floor(width / leastTickDistance);
  const exponents = Array.from({ length: 13 }, (_, index) => index - 6);
  const candidates = exponents
    .flatMap((exponent) => steps.map((step) => Number(`${step}e${exponent}`)))
    .filter((ratio) => ratio >= start && ratio <= end)
    .sort((a, b) => Math.abs(Math.log(a)) - Math.abs(Math.log(b)));
  const kept: number[] = [];
  for (const ratio of candidates) {
    if (kept.every((other) => Math.abs(Math.log(ratio / other)) >= distance)) kept.push(ratio);
  }
  return kept;
}
