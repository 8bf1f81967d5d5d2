/** What a figure is told by whoever runs it. */
export interface MicroContext {
  /** How often everything is measured, after once to warm up. */
  readonly rounds: number;
  /** Aborted: the run is over. */
  readonly signal: AbortSignal;
  readonly step: (text: string) => void;
}

/** One figure of `make micro`: what something costs, beside a reference that was measured in the same rounds. */
export interface MicroFigure {
  /** Its name as an argument. */
  readonly id: string;
  /** Resolves with what is printed; nothing of it runs any more. */
  readonly measure: (context: MicroContext) => Promise<string>;
}
