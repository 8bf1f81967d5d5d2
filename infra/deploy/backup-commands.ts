import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { backUp } from './back-up.ts';
import type { BackupManifest } from './backup-manifest.ts';
import { DeployError } from './deploy-error.ts';
import { requireDocker } from './requirements.ts';
import { restore } from './restore.ts';
import { stackKind } from './stack-session.ts';

const backups = fileURLToPath(new URL('../.backups', import.meta.url));
const onStep = (step: string): void => console.log(step);

/** Into `infra/.backups/<stack>/<time>` unless `to` says where. */
export async function backUpStack({ stack, to }: { readonly stack: string; readonly to?: string | undefined }) {
  await requireDocker();
  const folder = to ?? join(backups, stack, new Date().toISOString().replaceAll(':', '-'));
  const { files } = await backUp({ stackName: stack, environment: {} }, { folder, onStep });
  for (const { name, bytes } of Object.values(files)) console.log(`  ${join(folder, name)}  ${bytes} bytes`);
  console.log(`back into a stack that is up: make restore STACK=${stack} FROM=${folder}`);
}

/** @throws {DeployError} for production, until it is confirmed by its name */
export async function restoreStack({
  stack,
  from = '',
  confirm,
}: {
  readonly stack: string;
  readonly from?: string | undefined;
  readonly confirm?: string | undefined;
}): Promise<void> {
  if (from === '') throw new DeployError('FROM is missing: the folder of a backup, as make backup has printed it');
  if ((await stackKind(stack)) === 'prod' && confirm !== stack) {
    throw new DeployError(
      `This puts ${from} in the place of all data of ${stack}. Confirm it: make restore STACK=${stack} FROM=${from} CONFIRM=${stack}`,
    );
  }
  await requireDocker();
  console.log(describe(await restore({ stackName: stack, environment: {} }, { folder: from, onStep }), stack));
}

function describe({ stack: source, takenAt, database }: BackupManifest, stack: string): string {
  return `${stack} has the ${database} database and the queue that ${source} had at ${takenAt}; every part is healthy`;
}
