/** The variables that the lab gives a script. Each throws, and so ends k6 before it starts, on what it cannot use. */

export function text(name: string): string {
  const value = __ENV[name];
  if (value === undefined || value === '') throw new Error(`${name} must be set`);
  return value;
}

export function positiveNumber(name: string): number {
  const value = Number(text(name));
  if (!(Number.isFinite(value) && value > 0)) throw new Error(`${name} must be a positive number, got "${text(name)}"`);
  return value;
}

export function naturalNumber(name: string): number {
  const value = Number(text(name));
  if (!(Number.isSafeInteger(value) && value >= 0)) {
    throw new Error(`${name} must be a whole number from 0, got "${text(name)}"`);
  }
  return value;
}

export function onOrOff(name: string): boolean {
  const value = text(name);
  if (value !== 'on' && value !== 'off') throw new Error(`${name} must be on or off, got "${value}"`);
  return value === 'on';
}
