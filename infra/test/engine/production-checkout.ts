import { mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { z } from 'zod';

import { secretNames } from '../../config.ts';
import { newSecret } from '../../deploy/stack-session.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
/** What a deployment needs of the repository. */
const needed = ['Makefile', 'package.json', 'package-lock.json', 'benchmarks/toolchain', 'dashboards', 'infra'];
const settingsSchema = z.looseObject({ config: z.record(z.string(), z.unknown()) });

export interface ProductionCheckout {
  readonly folder: string;
  /** PULUMI_BACKEND_URL, its passphrase, and a folder for scratch files of its own. */
  readonly environment: Readonly<Record<'PULUMI_BACKEND_URL' | 'PULUMI_CONFIG_PASSPHRASE' | 'TMPDIR', string>>;
  readonly apiToken: string;
  remove(): Promise<void>;
}

/**
 * The work tree as a runner has it, with a stack `prod` that was prepared the way infra/README.md says: made by pulumi,
 * its secrets encrypted in Pulumi.prod.yaml, beside the committed settings and these.
 */
export async function createProductionCheckout(
  settings: Readonly<Record<string, unknown>>,
): Promise<ProductionCheckout> {
  const top = await realpath(await mkdtemp(join(tmpdir(), 'production-')));
  const folder = join(top, 'checkout');
  const environment = {
    PULUMI_BACKEND_URL: `file://${top}/state`,
    PULUMI_CONFIG_PASSPHRASE: newSecret(),
    TMPDIR: join(top, 'tmp'),
  };
  await execa('mkdir', [folder, join(top, 'state'), environment.TMPDIR]);
  const files = await execa('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...needed], {
    cwd: repository,
  });
  await execa('tar', ['--create', '--null', '--files-from=-', `--file=${top}/files.tar`], {
    cwd: repository,
    input: files.stdout,
  });
  await execa('tar', ['--extract', `--directory=${folder}`, `--file=${top}/files.tar`]);
  await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'));

  const file = join(folder, 'infra/Pulumi.prod.yaml');
  const committed = settingsSchema.parse(parse(await readFile(file, 'utf8')));
  const own = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`ticketing:${key}`, value]));
  await writeFile(file, stringify({ ...committed, config: { ...committed.config, ...own } }));
  const pulumi = (args: readonly string[], input = '') =>
    execa('pulumi', args, { cwd: join(folder, 'infra'), env: environment, input });
  await pulumi(['stack', 'init', 'prod']);
  const apiToken = newSecret();
  for (const name of secretNames) {
    await pulumi(['config', 'set', '--secret', name], name === 'apiToken' ? apiToken : newSecret());
  }
  return { folder, environment, apiToken, remove: () => rm(top, { recursive: true }) };
}
