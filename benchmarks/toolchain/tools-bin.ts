import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { toolsDirectory } from './locate-tool.ts';

/**
 * Puts a program into `.tools/bin` in one step: whoever looks sees all of it or nothing.
 * @param make gets a scratch folder, and resolves to the path of the program in it
 */
export async function putIntoToolsBin(name: string, make: (scratch: string) => Promise<string>): Promise<void> {
  await mkdir(join(toolsDirectory, 'bin'), { recursive: true });
  const scratch = await mkdtemp(join(toolsDirectory, `${name}.`));
  try {
    await rename(await make(scratch), join(toolsDirectory, 'bin', name));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
