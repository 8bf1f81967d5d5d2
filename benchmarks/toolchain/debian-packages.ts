import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { toolsDirectory } from './locate-tool.ts';
import { runCommand } from './run-command.ts';

/**
 * Downloads packages and whatever they depend on that is not installed, and unpacks them into `.tools/<folder>`.
 * Needs no root, and runs none of the packages' scripts: nothing is configured and no server is started.
 */
export async function unpackDebianPackages(
  folder: string,
  packages: readonly string[],
  onDetail: (detail: string) => void,
): Promise<void> {
  await mkdir(toolsDirectory, { recursive: true });
  const scratch = await mkdtemp(join(toolsDirectory, `${folder}.`));
  try {
    await download(packages, scratch, onDetail);
    const root = join(scratch, 'root');
    for (const file of (await readdir(scratch)).filter((entry) => entry.endsWith('.deb'))) {
      onDetail(`unpacking ${file}`);
      await runCommand(['dpkg-deb', '--extract', join(scratch, file), root]);
    }
    await rm(join(toolsDirectory, folder), { recursive: true, force: true });
    await rename(root, join(toolsDirectory, folder));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** With the machine's package lists; with fresh ones of our own when those are absent or out of date. */
async function download(
  packages: readonly string[],
  directory: string,
  onDetail: (detail: string) => void,
): Promise<void> {
  try {
    await downloadWith([], packages, directory, onDetail);
  } catch {
    const state = ['lists', 'cache'].map((folder) => join(directory, folder));
    await Promise.all(state.map((folder) => mkdir(join(folder, 'partial'), { recursive: true })));
    const own = ['-o', `Dir::State::lists=${state[0]}`, '-o', `Dir::Cache=${state[1]}`];
    onDetail('reading the package lists');
    await runCommand(['apt-get', ...own, ...withoutSandbox, 'update'], { onLine: onDetail });
    await downloadWith(own, packages, directory, onDetail);
  }
}

/** As root, apt-get downloads as the user _apt, who can't write into a folder of ours. */
const withoutSandbox = ['-o', 'APT::Sandbox::User=root'];

async function downloadWith(
  options: readonly string[],
  packages: readonly string[],
  directory: string,
  onDetail: (detail: string) => void,
): Promise<void> {
  const simulate = ['apt-get', ...options, '--simulate', '--no-install-recommends', 'install', ...packages];
  const plan = await runCommand(simulate, { environment: { LC_ALL: 'C' } });
  const missing = [...plan.matchAll(/^Inst (\S+)/gm)].flatMap(([, name]) => name ?? []);
  const wanted = [...new Set([...packages, ...missing])];
  onDetail(`downloading ${wanted.join(', ')}`);
  await runCommand(['apt-get', ...options, ...withoutSandbox, 'download', ...wanted], { cwd: directory });
}
