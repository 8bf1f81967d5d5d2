import { access, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';

import { CouldNotRunError } from '../protocol/could-not-run-error.ts';

const repository = join(import.meta.dirname, '..', '..');

/** A commit's files in a folder of their own, with the packages of its lock file. */
export interface WorkTree {
  /** As it was asked for. */
  readonly ref: string;
  readonly commit: string;
  readonly path: string;
}

/** Makes work trees under one folder and takes all of them away again. */
export interface WorkTrees {
  /** @throws {CouldNotRunError} when git knows no such commit, or its packages cannot be installed */
  checkOut(name: string, ref: string): Promise<WorkTree>;
  remove(): Promise<void>;
}

/** @param folder exists; what is in there when nobody could call `remove` is forgotten by the next `git worktree prune` */
export async function openWorkTrees(folder: string, onStep: (step: string) => void): Promise<WorkTrees> {
  const git = async (...args: string[]): Promise<string> =>
    (await execa('git', args, { cwd: repository, stdin: 'ignore' })).stdout.trim();
  await git('worktree', 'prune');
  const paths: string[] = [];
  return {
    async checkOut(name, ref) {
      const commit = await git('rev-parse', '--verify', '--quiet', `${ref}^{commit}`).catch((error: unknown) => {
        throw new CouldNotRunError(`git knows no commit ${ref}: fetch it, or name another one`, error);
      });
      const path = join(folder, name);
      onStep(`checking out ${ref} (${commit.slice(0, 12)})`);
      paths.push(path);
      await git('worktree', 'add', '--detach', '--force', path, commit);
      await installPackages(path, onStep);
      return { ref, commit, path };
    },
    async remove() {
      for (const path of paths.splice(0)) {
        if (await isThere(path)) await git('worktree', 'remove', '--force', path);
      }
      await git('worktree', 'prune');
    },
  };
}

/** This work tree's own when both lock files are the same. */
async function installPackages(path: string, onStep: (step: string) => void): Promise<void> {
  const [own, theirs] = await Promise.all(
    [repository, path].map((top) => readFile(join(top, 'package-lock.json'), 'utf8')),
  );
  if (own === theirs) {
    await symlink(join(repository, 'node_modules'), join(path, 'node_modules'));
    return;
  }
  onStep(`installing the packages of ${path}: its lock file is another one`);
  await execa('npm', ['ci', '--include=dev', '--include=optional', '--loglevel=error'], {
    cwd: path,
    stdin: 'ignore',
  }).catch((error: unknown) => {
    throw new CouldNotRunError(`npm ci failed in ${path}`, error);
  });
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
