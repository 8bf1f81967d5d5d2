/** Where progress is written: a terminal gets one line that changes, a log gets a new line now and then. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface Progress {
  /** What is happening right now; replaced by the next one. */
  step(text: string): void;
  /** A line that stays. */
  line(text: string): void;
}

const logIntervalMs = 10_000;

export function createProgress(output: ProgressOutput): Progress {
  let lastLoggedAt = -Infinity;
  if (output.isTTY !== true) {
    return {
      step(text) {
        if (performance.now() - lastLoggedAt < logIntervalMs) return;
        lastLoggedAt = performance.now();
        output.write(`${text}\n`);
      },
      line: (text) => void output.write(`${text}\n`),
    };
  }
  const eraseLine = '\r\u001B[2K';
  return {
    step: (text) => void output.write(eraseLine + text.slice(0, (output.columns ?? 80) - 1)),
    line: (text) => void output.write(`${eraseLine}${text}\n`),
  };
}
