import type { ProgressOutput } from '../toolchain/progress.ts';

/** Of a run: a terminal rewrites its last line, with the time that is left; a log gets a line for each step. */
export interface Progress {
  /** What runs now. */
  step(text: string): void;
  /** A line that stays. */
  note(text: string): void;
  /** So many of the run's estimated seconds are done; the rest is told with every step. */
  expect(remainingSeconds: number): void;
  close(): void;
}

function formatRemaining(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')} left`;
}

export function createProgress(output: ProgressOutput, now: () => number = Date.now): Progress {
  let text = '';
  let endsAt: number | undefined;
  const line = (): string =>
    endsAt === undefined ? text : `${text} · about ${formatRemaining((endsAt - now()) / 1000)}`;
  const draw = (): void => {
    if (text === '') return;
    output.write(`\r\u001B[2K${line().slice(0, (output.columns ?? 100) - 1)}`);
  };
  const ticker = output.isTTY ? setInterval(draw, 1000) : undefined;
  ticker?.unref();
  const erase = (): void => {
    if (output.isTTY && text !== '') output.write('\r\u001B[2K');
  };
  return {
    step(next) {
      text = next;
      if (output.isTTY) draw();
      else output.write(`${line()}\n`);
    },
    note(line) {
      erase();
      output.write(`${line}\n`);
      if (output.isTTY) draw();
    },
    expect(remainingSeconds) {
      endsAt = now() + 1000 * remainingSeconds;
    },
    close() {
      erase();
      clearInterval(ticker);
    },
  };
}
