import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Where the PATH has a program of this name; `undefined` where it has none. */
async function findOnPath(name: string): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = folders.map((folder) => join(folder, name));
  const found = await Promise.allSettled(candidates.map((candidate) => access(candidate, constants.X_OK)));
  return candidates[found.findIndex(({ status }) => status === 'fulfilled')];
}

/** Whether the PATH has a program of this name. */
export async function isOnPath(name: string): Promise<boolean> {
  return (await findOnPath(name)) !== undefined;
}
