import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { z } from 'zod';

import { DeployError } from './deploy-error.ts';
import { readIfThere } from './read-if-there.ts';

const fileName = 'backup.json';
const fileSchema = z.strictObject({ name: z.string(), bytes: z.int(), sha256: z.string() });
const manifestSchema = z.strictObject({
  stack: z.string(),
  /** When the copy of the queue began; what was accepted later is not in the backup. */
  takenAt: z.iso.datetime(),
  database: z.enum(['postgres', 'sqlite']),
  files: z.strictObject({ queue: fileSchema, database: fileSchema }),
});

/** What a backup is, beside its files. */
export type BackupManifest = z.output<typeof manifestSchema>;

/** Written last: a folder without it is no backup. */
export async function writeManifest(folder: string, manifest: BackupManifest): Promise<void> {
  await writeFile(join(folder, fileName), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** @throws {DeployError} when the folder is no whole backup: no manifest, or a file that is not as it was written */
export async function readManifest(folder: string): Promise<BackupManifest> {
  const text = await readIfThere(join(folder, fileName));
  if (text === undefined)
    throw new DeployError(`${folder} is no backup: it has no ${fileName}, which make backup writes last`);
  const manifest = manifestSchema.parse(JSON.parse(text));
  for (const file of Object.values(manifest.files)) {
    const { bytes, sha256 } = await describeFile(folder, file.name);
    if (bytes !== file.bytes || sha256 !== file.sha256)
      throw new DeployError(`${join(folder, file.name)} is not what was backed up: its sha256 is ${sha256}`);
  }
  return manifest;
}

export async function describeFile(folder: string, name: string): Promise<z.output<typeof fileSchema>> {
  const path = join(folder, name);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { name, bytes: (await stat(path)).size, sha256: hash.digest('hex') };
}
