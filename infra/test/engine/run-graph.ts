import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { execa } from 'execa';
import { z } from 'zod';

import type { CapturedResource } from '../captured-stack.ts';

const containerSchema = z.looseObject({
  name: z.string(),
  image: z.string(),
  entrypoints: z.array(z.string()).default([]),
  command: z.array(z.string()).default([]),
  envs: z.array(z.string()).default([]),
  labels: z.array(z.object({ label: z.string(), value: z.string() })),
  user: z.string().optional(),
  hostname: z.string().optional(),
  networkMode: z.string(),
  networksAdvanced: z.array(z.object({ aliases: z.array(z.string()) })).default([]),
  volumes: z
    .array(z.object({ volumeName: z.string(), containerPath: z.string(), readOnly: z.boolean().default(false) }))
    .default([]),
  tmpfs: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.object({ internal: z.number(), ip: z.string(), external: z.number().optional() })).default([]),
  uploads: z.array(z.object({ file: z.string(), content: z.string(), permissions: z.string() })).default([]),
  healthcheck: z
    .object({ tests: z.array(z.string()), interval: z.string(), retries: z.number(), timeout: z.string() })
    .optional(),
  readOnly: z.boolean().default(false),
  capabilities: z.object({ drops: z.array(z.string()) }),
  securityOpts: z.array(z.string()),
  memory: z.number(),
  memorySwap: z.number(),
  cpus: z.string(),
  restart: z.string(),
  start: z.boolean().default(true),
  attach: z.boolean().default(false),
});
type ContainerInputs = z.output<typeof containerSchema>;

const docker = async (...args: readonly string[]): Promise<string> => (await execa('docker', args)).stdout;

/**
 * Makes what a stack's program asks for with `docker` alone, in the order that it asks for: what Pulumi would do, on
 * machines that have no Pulumi. Returns the names of the containers.
 */
export async function runGraph(
  resources: readonly CapturedResource[],
  images: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const ofType = (type: string) => resources.filter((resource) => resource.type === type);
  for (const { inputs } of ofType('docker:index/network:Network'))
    await docker('network', 'create', String(inputs['name']));
  for (const { inputs } of ofType('docker:index/volume:Volume'))
    await docker('volume', 'create', String(inputs['name']));
  const containers = ofType('docker:index/container:Container');
  const made = new Set<string>();
  while (made.size < containers.length) {
    const next = containers.find(
      ({ name, waitsFor }) =>
        !made.has(name) &&
        waitsFor.every((one) => one === name || made.has(one) || !containers.some((other) => other.name === one)),
    );
    if (next === undefined) throw new Error('the containers wait for each other in a circle');
    const inputs = containerSchema.parse(next.inputs);
    await runContainer(inputs, images[inputs.image] ?? inputs.image);
    made.add(next.name);
  }
  return containers.map(({ inputs }) => String(inputs['name']));
}

async function runContainer(inputs: ContainerInputs, image: string): Promise<void> {
  const { name, entrypoints, command } = inputs;
  const [entrypoint, ...entrypointArguments] = entrypoints;
  await docker(
    'create',
    `--name=${name}`,
    ...(entrypoint === undefined ? [] : [`--entrypoint=${entrypoint}`]),
    ...placement(inputs),
    ...confinement(inputs),
    ...(inputs.healthcheck === undefined ? [] : health(inputs.healthcheck)),
    image,
    ...entrypointArguments,
    ...command,
  );
  await upload(name, inputs.uploads);
  if (!inputs.start) return;
  await docker('start', name);
  await (inputs.attach ? untilEndedWell(name) : untilHealthy(name));
}

function placement(inputs: ContainerInputs): readonly string[] {
  return [
    `--network=${inputs.networkMode}`,
    ...(inputs.hostname === undefined ? [] : [`--hostname=${inputs.hostname}`]),
    ...inputs.networksAdvanced.flatMap(({ aliases }) => aliases.map((alias) => `--network-alias=${alias}`)),
    ...inputs.envs.map((entry) => `--env=${entry}`),
    ...inputs.labels.map(({ label, value }) => `--label=${label}=${value}`),
    ...inputs.volumes.map(
      (volume) => `--volume=${volume.volumeName}:${volume.containerPath}${volume.readOnly ? ':ro' : ''}`,
    ),
    ...inputs.ports.map(({ ip, internal }) => `--publish=${ip}::${internal}`),
    ...(inputs.user === undefined ? [] : [`--user=${inputs.user}`]),
  ];
}

function confinement(inputs: ContainerInputs): readonly string[] {
  return [
    ...(inputs.readOnly ? ['--read-only'] : []),
    ...Object.entries(inputs.tmpfs).map(([path, options]) => `--tmpfs=${path}:${options}`),
    ...inputs.capabilities.drops.map((capability) => `--cap-drop=${capability}`),
    ...inputs.securityOpts.map((option) => `--security-opt=${option}`),
    `--memory=${inputs.memory}m`,
    `--memory-swap=${inputs.memorySwap}m`,
    `--cpus=${inputs.cpus}`,
    `--restart=${inputs.restart}`,
  ];
}

function health({ tests, interval, retries, timeout }: NonNullable<ContainerInputs['healthcheck']>): readonly string[] {
  const words = tests.slice(1).map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  // `docker create` knows shell commands only; the service's image has no shell, and its own check.
  return tests[1] === 'node'
    ? [`--health-interval=${interval}`]
    : [
        `--health-cmd=${words.join(' ')}`,
        `--health-interval=${interval}`,
        `--health-retries=${retries}`,
        `--health-timeout=${timeout}`,
      ];
}

async function upload(name: string, uploads: ContainerInputs['uploads']): Promise<void> {
  if (uploads.length === 0) return;
  const folder = await mkdtemp(join(tmpdir(), 'uploads-'));
  try {
    for (const { file, content, permissions } of uploads) {
      await mkdir(dirname(join(folder, file)), { recursive: true, mode: 0o755 });
      await writeFile(join(folder, file), content, { mode: Number.parseInt(permissions, 8) });
    }
    await execa('chmod', ['--recursive', 'a+rX', folder]);
    await docker('cp', `${folder}/.`, `${name}:/`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function untilEndedWell(name: string): Promise<void> {
  const status = await docker('wait', name);
  if (status !== '0') throw new Error(`${name} ended with ${status}: ${await logsOf(name)}`);
}

/** Rejects after a minute, with the end of its log. */
export async function untilHealthy(name: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while ((await docker('inspect', '--format={{.State.Health.Status}}', name)) !== 'healthy') {
    if (Date.now() > deadline) throw new Error(`${name} was not healthy within a minute: ${await logsOf(name)}`);
    await sleep(250);
  }
}

async function logsOf(name: string): Promise<string> {
  const { all } = await execa('docker', ['logs', '--tail=10', name], { all: true });
  return all;
}
