import { execa } from 'execa';
import { z } from 'zod';

import type { Session } from './stack-session.ts';

/** A container as the state has it. */
export interface ExpectedContainer {
  readonly id: string;
  readonly name: string;
  readonly networks: readonly string[];
  /** Runs until it is stopped; the others are jobs, and what carries files. */
  readonly isService: boolean;
  /** Texts by path; secrets too. */
  readonly files: Readonly<Record<string, string>>;
}

/** A container as the engine has it. */
export interface ActualContainer {
  readonly id: string;
  readonly name: string;
  readonly networks: readonly string[];
  readonly isRunning: boolean;
  readonly isPaused: boolean;
  readonly exitCode: number;
}

const resourceSchema = z.looseObject({
  type: z.string(),
  id: z.string().optional(),
  inputs: z
    .looseObject({
      name: z.string().optional(),
      mustRun: z.boolean().optional(),
      start: z.boolean().optional(),
      networksAdvanced: z.array(z.looseObject({ name: z.string() })).optional(),
      uploads: z.unknown().optional(),
    })
    .optional(),
});
const stateSchema = z.object({
  deployment: z.looseObject({
    resources: z.array(resourceSchema).optional(),
    pending_operations: z.array(z.unknown()).nullish(),
  }),
});
const uploadsSchema = z.array(z.looseObject({ file: z.string(), content: z.string() }));
/** How `--show-secrets` writes a secret: its value as JSON text. */
const plaintextSchema = z.looseObject({ plaintext: z.string() });

export interface DeployedState {
  readonly containers: readonly ExpectedContainer[];
  readonly networkIds: readonly string[];
  /** A deployment ended in the middle of something. */
  readonly isInterrupted: boolean;
}

/** What the stack's state says there is. */
export async function readState({ stackName, folder, environment }: Session): Promise<DeployedState> {
  const { stdout } = await execa('pulumi', ['stack', 'export', '--show-secrets', '--stack', stackName], {
    cwd: folder,
    env: environment,
  });
  const { deployment } = stateSchema.parse(JSON.parse(stdout));
  const resources = deployment.resources ?? [];
  const networkIds = resources.flatMap(({ type, id }) => (type === 'docker:index/network:Network' && id ? [id] : []));
  const containers = resources.flatMap(({ type, id, inputs }) => {
    if (type !== 'docker:index/container:Container' || id === undefined || inputs?.name === undefined) return [];
    return {
      id,
      name: inputs.name,
      networks: (inputs.networksAdvanced ?? []).map(({ name }) => name),
      isService: inputs.mustRun !== false && inputs.start !== false,
      files: filesOf(inputs.uploads),
    };
  });
  return { containers, networkIds, isInterrupted: (deployment.pending_operations ?? []).length > 0 };
}

function filesOf(uploads: unknown): Readonly<Record<string, string>> {
  const hidden = plaintextSchema.safeParse(uploads);
  const entries = uploadsSchema.parse((hidden.success ? JSON.parse(hidden.data.plaintext) : shown(uploads)) ?? []);
  return Object.fromEntries(entries.map(({ file, content }) => [file, content]));
}

/** The same value with the secrets in it as what they are. */
function shown(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null), (_key, part: unknown) => {
    const secret = plaintextSchema.safeParse(part);
    return secret.success ? JSON.parse(secret.data.plaintext) : part;
  });
}

const inspectionSchema = z.array(
  z.object({
    Id: z.string(),
    Name: z.string(),
    State: z.object({ Running: z.boolean(), Paused: z.boolean(), ExitCode: z.int() }),
    NetworkSettings: z.object({ Networks: z.record(z.string(), z.unknown()) }),
  }),
);

/** Every container that has the stack's labels or one of its names. */
export async function inspectContainers(
  { stackName, environment }: Session,
  names: readonly string[],
): Promise<readonly ActualContainer[]> {
  const docker = async (...args: readonly string[]) => (await execa('docker', args, { env: environment })).stdout;
  const labelled = await docker('ps', '--all', '--quiet', '--no-trunc', `--filter=label=ticketing.stack=${stackName}`);
  const all = await docker('ps', '--all', '--no-trunc', '--format={{.ID}} {{.Names}}');
  const named = all.split('\n').flatMap((line) => {
    const [id = '', name = ''] = line.split(' ');
    return names.includes(name) ? [id] : [];
  });
  const ids = [...new Set([...labelled.split('\n'), ...named])].filter((id) => id !== '');
  if (ids.length === 0) return [];
  return inspectionSchema.parse(JSON.parse(await docker('inspect', '--type=container', ...ids))).map((container) => ({
    id: container.Id,
    name: container.Name.replace('/', ''),
    networks: Object.keys(container.NetworkSettings.Networks),
    isRunning: container.State.Running,
    isPaused: container.State.Paused,
    exitCode: container.State.ExitCode,
  }));
}
