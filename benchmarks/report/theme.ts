/**
 * Colours by role, light and dark. Before and after are orange and blue, which all common forms of colour
 * blindness tell apart, and differ in shape as well; every text colour has a contrast of 4.5 or more (WCAG AA).
 */
const light = {
  surface: '#ffffff',
  ink: '#1b1f24',
  muted: '#59616b',
  line: '#d5d9de',
  panel: '#f4f6f8',
  before: '#ad4a06',
  after: '#0b5fa5',
  region: '#e3f0e6',
  confirmed: '#14693a',
  refuted: '#a3195b',
  inconclusive: '#7a5600',
  invalid: '#b3121d',
  database: '#7b3294',
  service: '#2b7a78',
  'redis-cache': '#c2410c',
  'redis-queue': '#e7a27c',
  generator: '#6b7280',
  lab: '#9aa1ab',
  other: '#bdc3ca',
  steal: '#111827',
  idle: '#eef0f2',
  'on-dark-part': '#ffffff',
};

const dark: typeof light = {
  surface: '#14171a',
  ink: '#e8eaed',
  muted: '#a3abb5',
  line: '#3a4048',
  panel: '#1d2125',
  before: '#f2a065',
  after: '#74b6f5',
  region: '#1d3326',
  confirmed: '#6fcf97',
  refuted: '#f38fc0',
  inconclusive: '#e5bd5a',
  invalid: '#ff8087',
  database: '#c792ea',
  service: '#5fc4bf',
  'redis-cache': '#f08a5d',
  'redis-queue': '#8f5236',
  generator: '#8b939e',
  lab: '#5f6770',
  other: '#4b525b',
  steal: '#f4f4f5',
  idle: '#23282d',
  'on-dark-part': '#14171a',
};

const variables = (colours: typeof light) =>
  Object.entries(colours)
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(';');

/** Sets the variables on the given selector, for both themes; paper is light. */
export function themeVariables(selector: string): string {
  return (
    `${selector}{color-scheme:light dark;${variables(light)}}\n` +
    `@media screen and (prefers-color-scheme:dark){${selector}{${variables(dark)}}}`
  );
}
