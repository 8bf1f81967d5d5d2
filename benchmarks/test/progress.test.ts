import { describe, expect, it } from 'vitest';

import { createProgress } from '../protocol/progress.ts';

function recordingOutput(isTTY: boolean) {
  const written: string[] = [];
  return { written, output: { isTTY, columns: 60, write: (text: string) => written.push(text) } };
}

describe('progress', () => {
  it('gives a log one line for each step, with the time that is left once it is known', () => {
    const { written, output } = recordingOutput(false);
    let now = 0;
    const progress = createProgress(output, () => now);
    progress.step('calibrating');
    progress.expect(90);
    now = 15_000;
    progress.step('block 1/6');
    progress.close();
    expect(written).toEqual(['calibrating\n', 'block 1/6 · about 1:15 left\n']);
  });

  it('rewrites the last line of a terminal, within its width, and leaves it empty', () => {
    const { written, output } = recordingOutput(true);
    const progress = createProgress(output, () => 0);
    progress.step('x'.repeat(200));
    progress.close();
    expect(written[0]).toBe(`\r\u001B[2K${'x'.repeat(59)}`);
    expect(written.at(-1)).toBe('\r\u001B[2K');
  });

  it('shows on one line of a terminal what runs at the same time, each with its share, and forgets what has ended', () => {
    const { written, output } = recordingOutput(true);
    const progress = createProgress(output, () => 0);
    progress.expect(90);
    progress.step('zombie: SIGSTOP', 'zombie');
    progress.step('poison: '.padEnd(80, 'x'), 'poison');
    const both = written.at(-1)?.replace('\r\u001B[2K', '') ?? '';
    expect(both).toMatch(/^zombie: SIGSTOP \| poison: x+ · about 1:30 left$/);
    expect(both.length).toBeLessThanOrEqual(59);
    progress.endLane('zombie');
    expect(written.at(-1)).toMatch(/2Kpoison: x+ · about/);
  });

  it('never promises less than no time', () => {
    const { written, output } = recordingOutput(false);
    let now = 0;
    const progress = createProgress(output, () => now);
    progress.expect(1);
    now = 60_000;
    progress.step('still running');
    expect(written).toEqual(['still running · about 0:00 left\n']);
  });
});
