import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type Counters, countersSchema } from '../gate/counters.ts';
import { CouldNotRunError } from '../protocol/could-not-run-error.ts';

/** From the top of a work tree: what its counters are expected to be, committed with the code that they are of. */
const expectationsFile = 'benchmarks/gate/expectations.json';

/** Those of a work tree. @throws {CouldNotRunError} when it has none, or they are of another shape */
export async function readExpectations(sources: string): Promise<Counters> {
  const file = join(sources, expectationsFile);
  try {
    return countersSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new CouldNotRunError(
      `${file} holds no expectations: write them with \`make gate-expect\` and commit them`,
      error,
    );
  }
}

export async function writeExpectations(sources: string, counters: Counters): Promise<string> {
  const file = join(sources, expectationsFile);
  await writeFile(file, `${JSON.stringify(countersSchema.parse(counters), null, 2)}\n`);
  return file;
}
