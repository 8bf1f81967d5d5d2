import type { ProgressOutput } from '../toolchain/progress.ts';

/** Of a run: a terminal rewrites its last line, with the time that is left; a log gets a line for each step. */
export interface Progress {
  /** What runs now; where several things run at a time, each in a lane of its own. */
  step(text: string, lane?: string): void;
  /** Nothing runs in this lane any more. */
  endLane(lane: string): void;
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
  const lanes = new Map<string, string>();
  let endsAt: number | undefined;
  const remaining = (): string => (endsAt === undefined ? '' : ` · about ${formatRemaining((endsAt - now()) / 1000)}`);
  const draw = (): void => {
    if (lanes.size === 0) return;
    const columns = (output.columns ?? 100) - 1;
    const [time, between] = [remaining(), ' | '];
    const each = Math.floor((columns - time.length - between.length * (lanes.size - 1)) / lanes.size);
    const shown = [...lanes.values()].map((text) => text.slice(0, each));
    output.write(`\r\u001B[2K${shown.join(between)}${time}`);
  };
  const ticker = output.isTTY ? setInterval(draw, 1000) : undefined;
  ticker?.unref();
  const erase = (): void => {
    if (output.isTTY && lanes.size > 0) output.write('\r\u001B[2K');
  };
  return {
    step(text, lane = '') {
      lanes.set(lane, text);
      if (output.isTTY) draw();
      else output.write(`${text}${remaining()}\n`);
    },
    endLane(lane) {
      erase();
      lanes.delete(lane);
      if (output.isTTY) draw();
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
