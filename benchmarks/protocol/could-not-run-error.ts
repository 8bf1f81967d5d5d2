/** Nothing was measured: there is no result, not even an invalid one. */
export class CouldNotRunError extends Error {
  override readonly name = 'CouldNotRunError';

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}
