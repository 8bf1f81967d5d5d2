import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Config } from '@pulumi/pulumi';
import { LocalWorkspace, type Stack, type StackSettings } from '@pulumi/pulumi/automation/index.js';
import { parse } from 'yaml';

import { secretNames } from '../config.ts';
import { readStackConfig } from '../read-stack-config.ts';
import { deployStack } from '../stack.ts';
import { DeployError } from './deploy-error.ts';
import { readIfThere } from './read-if-there.ts';

const infra = fileURLToPath(new URL('..', import.meta.url));
const projectName = 'ticketing';

export interface SessionRequest {
  readonly stackName: string;
  /** The stack whose Pulumi.<stack>.yaml is meant, where several stand beside each other. Default: its own. */
  readonly configuredAs?: string;
  /** In the place of Pulumi.<stack>.yaml, by key. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Beside those of Pulumi.<stack>.yaml, and before them. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** Where the state of `dev` and `bench` is, and what belongs to it. */
  readonly stateFolder?: string;
  /** Beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A stack that is selected, configured and has its secrets. */
export interface Session {
  readonly stack: Stack;
  readonly stackName: string;
  readonly kind: 'dev' | 'bench' | 'prod';
  /** Everything that commands about this stack need beside this process's variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** The folder with the state, the passphrase and the configuration as it was deployed. */
  readonly folder: string;
}

/**
 * Opens a stack over the Automation API. `dev` and `bench` keep their state, a passphrase and secrets that are made
 * here in `infra/.state/<stack>`; `prod` says where its state is and has its secrets in Pulumi.prod.yaml.
 * @throws {DeployError} when something has to be said or set first
 */
export async function openSession(request: SessionRequest): Promise<Session> {
  const { stackName, configuredAs = stackName } = request;
  const committed = request.settings === undefined ? await committedSettings(configuredAs) : { config: {} };
  const config = { ...committed.config, ...prefixed({ ...request.settings, ...request.overrides }) };
  const kind = kindOf(stackName, config);
  const folder = join(request.stateFolder ?? join(infra, '.state'), stackName);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const environment = { ...request.environment, ...(await stateEnvironment(kind, folder)) };
  const own = await settingsIn(join(folder, `Pulumi.${stackName}.yaml`));
  const stack = await LocalWorkspace.createOrSelectStack(
    {
      stackName,
      projectName,
      program: async () => ({ ...deployStack(readStackConfig(stackName, new Config(projectName))) }),
    },
    {
      workDir: folder,
      envVars: environment,
      projectSettings: { name: projectName, runtime: 'nodejs', main: folder },
      stackSettings: { [stackName]: { ...own, ...committed, config: { ...secretsOf(own), ...config } } },
    },
  );
  if (kind !== 'prod') await createSecrets(stack, folder);
  return { stack, stackName, kind, environment, folder };
}

/** What Pulumi.<stack>.yaml says that the stack is for. @throws {DeployError} when there is no such file */
export async function stackKind(stackName: string): Promise<Session['kind']> {
  return kindOf(stackName, (await committedSettings(stackName)).config ?? {});
}

async function committedSettings(stackName: string): Promise<StackSettings> {
  const settings = await settingsIn(join(infra, `Pulumi.${stackName}.yaml`));
  if (settings.config === undefined) {
    throw new DeployError(
      `There is no infra/Pulumi.${stackName}.yaml. Choose one of dev, bench, prod, or make one: cp infra/Pulumi.dev.yaml infra/Pulumi.${stackName}.yaml`,
    );
  }
  return settings;
}

async function settingsIn(file: string): Promise<StackSettings> {
  const text = await readIfThere(file);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what Pulumi has written, or reads next
  const settings = (text === undefined ? undefined : parse(text)) as StackSettings | null | undefined;
  // Empty when whoever wrote it was killed.
  return settings ?? {};
}

/** Structured values as JSON, which `Config.getObject` reads. */
function prefixed(settings: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [
      `${projectName}:${key}`,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
}

function kindOf(stackName: string, config: NonNullable<StackSettings['config']>): Session['kind'] {
  const kind: unknown = config[`${projectName}:kind`];
  if (kind === 'dev' || kind === 'bench' || kind === 'prod') return kind;
  throw new DeployError(`kind of the stack ${stackName} must be dev, bench or prod, got ${JSON.stringify(kind)}`);
}

/** Where Pulumi keeps the state, and what it encrypts secrets with. */
async function stateEnvironment(kind: Session['kind'], folder: string): Promise<Readonly<Record<string, string>>> {
  const quiet = { PULUMI_SKIP_UPDATE_CHECK: 'true', PULUMI_DISABLE_REGISTRY_RESOLVE: 'true' };
  if (kind === 'prod') {
    requireVariables();
    return quiet;
  }
  const passphrase = join(folder, 'passphrase');
  await writeFile(passphrase, randomBytes(24).toString('hex'), { flag: 'wx', mode: 0o600 }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
  return { ...quiet, PULUMI_CONFIG_PASSPHRASE_FILE: passphrase, PULUMI_BACKEND_URL: `file://${folder}` };
}

function requireVariables(): void {
  const { PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE, PULUMI_CONFIG_PASSPHRASE_FILE } = process.env;
  if (!PULUMI_BACKEND_URL) {
    throw new DeployError(
      'PULUMI_BACKEND_URL is not set: the state of prod must outlive this machine. For example: export PULUMI_BACKEND_URL=s3://bucket',
    );
  }
  if (!PULUMI_CONFIG_PASSPHRASE && !PULUMI_CONFIG_PASSPHRASE_FILE) {
    throw new DeployError(
      'PULUMI_CONFIG_PASSPHRASE_FILE is not set: it names the file with the passphrase that the secrets of prod are encrypted with',
    );
  }
}

function secretsOf({ config = {} }: StackSettings): NonNullable<StackSettings['config']> {
  const keys = new Set<string>(secretNames.map((name) => `${projectName}:${name}`));
  return Object.fromEntries(Object.entries(config).filter(([key]) => keys.has(key)));
}

/** Those that are missing; the api's token is left for the person who writes requests. */
async function createSecrets(stack: Stack, folder: string): Promise<void> {
  const present = await stack.getAllConfig();
  const missing = secretNames.filter((name) => present[`${projectName}:${name}`] === undefined);
  if (missing.length > 0) {
    await stack.setAllConfig(
      Object.fromEntries(missing.map((name) => [`${projectName}:${name}`, { value: newSecret(), secret: true }])),
    );
  }
  const { value } = await stack.getConfig(`${projectName}:apiToken`);
  await writeFile(join(folder, 'api-token'), value, { mode: 0o600 });
}

export function newSecret(): string {
  return randomBytes(24).toString('hex');
}
