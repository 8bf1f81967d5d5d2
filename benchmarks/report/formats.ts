import type { Location } from '../analysis/signed-rank.ts';

interface Scale {
  readonly factor: number;
  /** Follows the number, with its space where it has one. */
  readonly suffix: string;
}

const steps: Readonly<Record<string, readonly (readonly [factor: number, suffix: string])[]>> = {
  s: [
    [1, ' s'],
    [1e-3, ' ms'],
    [1e-6, ' µs'],
  ],
  bytes: [
    [2 ** 30, ' GiB'],
    [2 ** 20, ' MiB'],
    [2 ** 10, ' KiB'],
    [1, ' B'],
  ],
  '1/s': [[1, '/s']],
};

/** How a quantity of this size is printed. "s per 1,000 requests" is too long to follow each number: no suffix. */
export function scaleOf(unit: string, size: number): Scale {
  const own = steps[unit];
  const step = own?.find(([factor]) => Math.abs(size) >= factor) ?? own?.at(-1);
  if (step) return { factor: step[0], suffix: step[1] };
  return { factor: 1, suffix: unit.includes(' per ') || unit.startsWith('per ') || unit === '' ? '' : ` ${unit}` };
}

/** A table's first column says what its cells leave out: `Database CPU, s per 1,000 requests`. */
export function labelOfRow({ label, unit }: { label: string; unit: string }): string {
  const rest = unit.startsWith('% ') ? unit.slice(2) : scaleOf(unit, 1).suffix === '' ? unit : '';
  return rest === '' ? label : `${label}, ${rest}`;
}

/** The unit of a table's cell: `%` for "% of a core". */
export function unitOfCell(unit: string): string {
  return unit.startsWith('% ') ? '%' : unit;
}

/** `12,345`, `4.10`, `0.00123`: three significant digits, or whole numbers as they are. */
export function formatNumber(value: number, significantDigits = 3): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return fixed(value, 0);
  return fixed(value, significantDigits - 1 - exponentOf(value));
}

export function formatQuantity(value: number, unit: string): string {
  const { factor, suffix } = scaleOf(unit, value);
  return formatNumber(value / factor) + suffix;
}

/** `4.1 % [3.8, 4.4]`, to the digits that the interval supports (two at least); `1,000` where all blocks gave the same. */
export function formatEstimate(location: Pick<Location, 'estimate' | 'lower' | 'upper'>, unit: string): string {
  const { factor, suffix } = scaleOf(unit, location.estimate);
  const [estimate, lower, upper] = [location.estimate / factor, location.lower / factor, location.upper / factor];
  if (upper - lower <= Math.abs(estimate) * 1e-6) return formatNumber(estimate) + suffix;
  const decimals = supportedDecimals(estimate, (upper - lower) / 2);
  return `${fixed(estimate, decimals)}${suffix} [${fixed(lower, decimals)}, ${fixed(upper, decimals)}]`;
}

/** A ratio after/before with its interval: `÷ 19 [18, 20]`, `× 2.1 [2.0, 2.2]` or `−4.1 % [−5.0, −3.2]`. */
export function formatChange(ratio: Location): string {
  if (ratio.estimate <= 0.5) {
    const inverse = { ...ratio, estimate: 1 / ratio.estimate, lower: 1 / ratio.upper, upper: 1 / ratio.lower };
    return `÷ ${formatEstimate(inverse, '')}`;
  }
  if (ratio.estimate >= 2) return `× ${formatEstimate(ratio, '')}`;
  const percent = (value: number) => (value - 1) * 100;
  const [estimate, lower, upper] = [percent(ratio.estimate), percent(ratio.lower), percent(ratio.upper)];
  const decimals = Math.min(1, supportedDecimals(estimate, (upper - lower) / 2));
  const signed = (value: number) => {
    const text = fixed(value, decimals);
    return value > 0 && !/^0(\.0*)?$/.test(text) ? `+${text}` : text;
  };
  const interval = upper - lower <= 1e-9 ? '' : ` [${signed(lower)}, ${signed(upper)}]`;
  return `${signed(estimate)} %${interval}`;
}

/** `19 times less`, `12 % more`, `no difference`. */
export function changeInWords(ratio: number): string {
  const [factor, word] = ratio < 1 ? [1 / ratio, 'less'] : [ratio, 'more'];
  if (factor >= 2) return `${formatNumber(factor, 2)} times ${word}`;
  const percent = formatNumber(Math.abs(ratio - 1) * 100, 2);
  return Math.abs(ratio - 1) < 0.0005 ? 'no difference' : `${percent} % ${word}`;
}

/** A relative change: 0.05 is `5 %`; what counters without noise leave is `< 0.1 %`. */
export function formatShare(share: number): string {
  return share < 0.001 ? '< 0.1 %' : `${formatNumber(share * 100, 2)} %`;
}

/** An upper bound of a probability, to two digits and never rounded down: 0.0295 is `3 %`. */
export function formatUpperBound(probability: number): string {
  const percent = probability * 100;
  const step = 10 ** (exponentOf(percent) - 1);
  // 1e-9: what 64 steps of 0.1 leave beside 6.4 is no reason for 65.
  return `${formatNumber(Number((Math.ceil(percent / step - 1e-9) * step).toPrecision(2)), 2)} %`;
}

/** `96.9 %`: what an exact interval achieves. */
export function formatConfidence(confidence: number): string {
  return `${(confidence * 100).toFixed(1)} %`;
}

/** `0.031`, `0.0020`, `< 0.0001`. */
export function formatPValue(pValue: number): string {
  if (pValue < 0.0001) return '< 0.0001';
  return formatNumber(pValue, 2);
}

/**
 * Decimals for one significant digit of the half-width, two where it begins with 1 (the rule of the Particle
 * Data Group, simplified); of the estimate two significant digits at least, so that a wide interval does not round
 * away what was measured, and four at most. Negative: hundreds, thousands; below 1,000 no tens.
 */
function supportedDecimals(estimate: number, halfWidth: number): number {
  if (halfWidth === 0) return estimate === 0 ? 0 : 2 - exponentOf(estimate);
  const exponent = exponentOf(halfWidth);
  const supported = (halfWidth / 10 ** exponent < 2 ? 1 : 0) - exponent;
  if (estimate === 0) return supported;
  const magnitude = exponentOf(estimate);
  const least = magnitude === 2 ? 0 : 1 - magnitude;
  return Math.max(least, Math.min(3 - magnitude, supported));
}

/** Of ten, by ten digits: 1 for the 9.999999999999998 that 0.1 less than 1 makes of 10 %. */
function exponentOf(value: number): number {
  return Number(value.toExponential(9).split('e')[1]);
}

function fixed(value: number, decimals: number): string {
  const rounded = decimals < 0 ? Math.round(value / 10 ** -decimals) * 10 ** -decimals : value;
  const text = Math.abs(rounded).toFixed(Math.min(12, Math.max(0, decimals)));
  const [whole = '', fraction] = text.split('.');
  const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, ',');
  const sign = rounded < 0 && /[1-9]/.test(text) ? '−' : '';
  return sign + grouped + (fraction === undefined ? '' : `.${fraction}`);
}
