/** The panels that the report draws: the question of each dashboard, as pictures of a problem and its end. */
export const drawnPanels: readonly (readonly [dashboard: string, panel: string])[] = [
  ['golden-signals', 'Requests by route'],
  ['golden-signals', 'Answers that are refusals or failures'],
  ['golden-signals', 'Error budgets: burn rate over 5 minutes and 1 hour'],
  ['golden-signals', 'Throttled by the CPU limit'],
  ['golden-signals', 'Event loop delay'],
  ['data-layer', 'Connections'],
  ['data-layer', 'Callers that wait'],
  ['data-layer', 'Who holds the connections'],
  ['data-layer', 'Slowest statements, p95'],
  ['data-layer', 'Reads by what answered them'],
  ['seat-creation', 'Jobs that wait'],
  ['seat-creation', 'Lag: age of the oldest job'],
  ['seat-creation', 'CPU of the consumers'],
  ['seat-creation', 'Memory of the consumers'],
];

/** Lines of a picture: more than these can't be told apart. */
export const mostLines = 7;
