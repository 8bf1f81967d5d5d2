/** A shape before each verdict's word, so that it does not hang on colour. */
export const badges = { CONFIRMED: '✔', REFUTED: '✘', INCONCLUSIVE: '?', INVALID: '⊘' } as const;
