/** One key of a TTL cache: how often it is asked for, and how long an entry of it lives. */
export interface CachedKey {
  readonly requestsPerSecond: number;
  readonly ttlSeconds: number;
  /** From 0 to below 1: an entry lives uniformly between (1 - jitter) and (1 + jitter) times the TTL. */
  readonly ttlJitter: number;
  /** Up to when the number of loads will be asked for. */
  readonly horizonSeconds: number;
}

const stepsPerTtl = 1000;

/** Waves of expiry have died down by then, and loads go on at their stationary rate. */
const transientTtls = 100;

/**
 * Expected number of loads until `seconds` after the key was made absent, when absent keys are loaded by the first
 * request and requests are a Poisson process.
 *
 * With e(t) the probability that the key is absent and M(t) the expected loads until then, requests fill it at the
 * rate lambda e(t), and what was loaded between t - b and t - a expires at the rate
 * x(t) = (M(t - a) - M(t - b)) / (b - a) where a and b are the shortest and longest life. So e' = x - lambda e, and
 * M = 1 - e + (integral of x): a renewal equation, solved forwards with x linear within a step.
 */
export function createExpectedLoads(key: CachedKey): (seconds: number) => number {
  const { requestsPerSecond, ttlSeconds, ttlJitter, horizonSeconds } = key;
  const stationaryPerSecond = requestsPerSecond / (1 + requestsPerSecond * ttlSeconds);
  const untilFirstExpiry = (seconds: number): number => -Math.expm1(-requestsPerSecond * seconds);
  if (ttlSeconds === 0) return (seconds) => requestsPerSecond * seconds;
  if (horizonSeconds <= ttlSeconds * (1 - ttlJitter)) return untilFirstExpiry;

  const step = ttlSeconds / stepsPerTtl;
  const steps = Math.ceil(Math.min(horizonSeconds / step, transientTtls * stepsPerTtl));
  const loads = solve(key, step, steps);
  return (seconds) => {
    const beyond = seconds - steps * step;
    return beyond > 0 ? (loads[steps] ?? 0) + beyond * stationaryPerSecond : interpolate(loads, seconds / step);
  };
}

/** M at every step. */
function solve({ requestsPerSecond, ttlJitter }: CachedKey, step: number, steps: number): Float64Array {
  // A life without jitter is taken as one of two steps' width.
  const halfWidth = Math.max(ttlJitter * stepsPerTtl, 1);
  const [shortest, longest] = [stepsPerTtl - halfWidth, stepsPerTtl + halfWidth];
  const expiring = (at: number): number =>
    (interpolate(loads, at - shortest) - interpolate(loads, at - longest)) / (2 * halfWidth * step);

  // The step's exact solution for x linear within it.
  const decay = requestsPerSecond * step;
  const kept = Math.exp(-decay);
  const ofStart = decay === 0 ? 1 : -Math.expm1(-decay) / decay;
  const ofRise = decay === 0 ? 0.5 : (1 - ofStart) / decay;

  const loads = new Float64Array(steps + 1);
  let absent = 1;
  let expired = 0;
  let before = 0;
  for (let at = 1; at <= steps; at += 1) {
    const after = expiring(at);
    absent = kept * absent + step * (ofStart * before + ofRise * (after - before));
    expired += (step * (before + after)) / 2;
    loads[at] = 1 - absent + expired;
    before = after;
  }
  return loads;
}

function interpolate(values: Float64Array, at: number): number {
  if (at <= 0) return 0;
  const below = Math.floor(at);
  const start = values[below] ?? 0;
  return at === below ? start : start + (at - below) * ((values[below + 1] ?? start) - start);
}
