import { join } from 'node:path';

import { runCommand } from './run-command.ts';
import { putIntoToolsBin } from './tools-bin.ts';

/** A command that `go install` builds from its sources. */
export interface GoProgram {
  /** Of the executable. */
  readonly name: string;
  /** With its version: `go.k6.io/k6@v1.8.1`. */
  readonly source: string;
  /** What it takes on two free cores, in words. */
  readonly takes: string;
  /** `-ldflags`: what its releases are linked with. */
  readonly linkerFlags?: string;
}

/** `go install` into `.tools/bin`. With -v go names each package that it compiles, which is all its progress. */
export async function buildGoProgram(
  { name, source, takes, linkerFlags = '' }: GoProgram,
  onDetail: (detail: string) => void,
): Promise<void> {
  await putIntoToolsBin(name, async (scratch) => {
    const startedAt = performance.now();
    let lastLine = source;
    const tell = () =>
      onDetail(`${Math.round((performance.now() - startedAt) / 1000)} s, ${takes} on two free cores: ${lastLine}`);
    const timer = setInterval(tell, 1000);
    try {
      await runCommand(['go', 'install', '-v', `-ldflags=${linkerFlags}`, source], {
        environment: { GOBIN: scratch },
        onLine: (line) => (lastLine = line),
      });
    } finally {
      clearInterval(timer);
    }
    return join(scratch, name);
  });
}
