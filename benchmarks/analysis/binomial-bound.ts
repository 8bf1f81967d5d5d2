/**
 * The largest probability of an event that is still compatible with having seen it `events` times in `tries`
 * independent tries: the upper end of Clopper and Pearson's exact one-sided interval, the p at which `events` or fewer
 * have the probability 1 - confidence. For no event it is 1 - (1 - confidence)^(1/tries): 0 of 100 is 2.95 % at 95 %.
 * No tries bound nothing: 1. Throws RangeError for what can't have been counted.
 *
 * C. J. Clopper, E. S. Pearson: "The use of confidence or fiducial limits illustrated in the case of the binomial",
 * Biometrika 26 (1934); in R it is `binom.test(events, tries, alternative = "less", conf.level = 0.95)`.
 */
export function binomialUpperBound(events: number, tries: number, confidence = 0.95): number {
  if (!Number.isSafeInteger(tries) || !Number.isSafeInteger(events) || events < 0 || events > tries) {
    throw new RangeError(`a bound needs whole numbers, 0 <= events <= tries, got ${events} of ${tries}`);
  }
  if (events === tries) return 1;
  if (events === 0) return -Math.expm1(Math.log(1 - confidence) / tries);
  const logCoefficients = logBinomialCoefficients(events, tries);
  let [below, above] = [events / tries, 1];
  for (let middle = (below + above) / 2; middle > below && middle < above; middle = (below + above) / 2) {
    if (probabilityOfAtMost(logCoefficients, tries, middle) > 1 - confidence) below = middle;
    else above = middle;
  }
  return above;
}

/** log(tries over k) for k = 0 … events. */
function logBinomialCoefficients(events: number, tries: number): Float64Array {
  const logs = new Float64Array(events + 1);
  for (let k = 1; k <= events; k += 1) logs[k] = (logs[k - 1] ?? 0) + Math.log((tries - k + 1) / k);
  return logs;
}

function probabilityOfAtMost(logCoefficients: Float64Array, tries: number, probability: number): number {
  const [logOfEvent, logOfNone] = [Math.log(probability), Math.log1p(-probability)];
  return logCoefficients.reduce(
    (sum, logCoefficient, k) => sum + Math.exp(logCoefficient + k * logOfEvent + (tries - k) * logOfNone),
    0,
  );
}
