/**
 * Draws a rank from 0 to `items` - 1, the k-th with weight k^-exponent, exactly and without a table: a table of
 * 10,000 shares in each of 1,000 virtual users is what a generator runs out of memory with.
 * Source: Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
 * distributions", ACM TOMACS 6 (1996).
 */
export function createZipfRank(items: number, exponent: number): (uniform: () => number) => number {
  const density = (x: number): number => x ** -exponent;
  const integral = (x: number): number => (exponent === 1 ? Math.log(x) : (x ** (1 - exponent) - 1) / (1 - exponent));
  const inverseOfIntegral = (y: number): number =>
    exponent === 1 ? Math.exp(y) : (1 + y * (1 - exponent)) ** (1 / (1 - exponent));

  const lowest = integral(1.5) - 1;
  const highest = integral(items + 0.5);
  const alwaysAccepted = 2 - inverseOfIntegral(integral(2.5) - density(2));

  return (uniform) => {
    for (;;) {
      const area = highest + uniform() * (lowest - highest);
      const x = inverseOfIntegral(area);
      const k = Math.min(items, Math.max(1, Math.round(x)));
      if (k - x <= alwaysAccepted || area >= integral(k + 0.5) - density(k)) return k - 1;
    }
  };
}
