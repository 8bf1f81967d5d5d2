import { access } from 'node:fs/promises';
import { join } from 'node:path';

import { unpackDebianPackages } from '../../../benchmarks/toolchain/debian-packages.ts';
import { toolsDirectory } from '../../../benchmarks/toolchain/locate-tool.ts';

/** Debian's packages in `.tools/<name>`, downloaded when they are not there. */
export async function unpackOnce(name: string, packages: readonly string[]): Promise<void> {
  const isThere = await access(join(toolsDirectory, name)).then(
    () => true,
    () => false,
  );
  if (!isThere) await unpackDebianPackages(name, packages, () => {});
}
