/** Evidence that cannot be believed: which file, which line (from 1), what is wrong, what to do about it. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
  readonly file: string;
  readonly line: number | undefined;

  constructor(place: { file: string; line?: number }, problem: string, options?: ErrorOptions) {
    const where = place.line === undefined ? place.file : `${place.file}:${place.line}`;
    super(`${where}: ${problem}; restore the folder from where it was recorded, or record the run again`, options);
    this.file = place.file;
    this.line = place.line;
  }
}
