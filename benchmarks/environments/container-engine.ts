import { execa } from 'execa';
import { z } from 'zod';

import { descendants, readProcessTable, readProcFile } from '../probes/process-table.ts';

/** A container that runs, as the engine has it at this moment. */
export interface RunningContainer {
  /** What its stack calls it: `api-1`, `postgres`. */
  readonly component: string;
  readonly name: string;
  /** Of its first process, on this machine. */
  readonly processId: number;
  /** The port of the host by that of the container. Other ones after each start, where the stack named none. */
  readonly hostPorts: ReadonlyMap<number, number>;
  /** Its variables, those of its image among them. */
  readonly variables: Readonly<Record<string, string>>;
}

const stackFilter = (stackName: string): string => `--filter=label=ticketing.stack=${stackName}`;

async function docker(...args: readonly string[]): Promise<string> {
  return (await execa('docker', args)).stdout.trim();
}

async function list(...args: readonly string[]): Promise<readonly string[]> {
  return (await docker(...args)).split('\n').filter((line) => line !== '');
}

/** Containers, networks and volumes with the stack's label, in whatever state. */
export async function partsOfStack(stackName: string): Promise<readonly string[]> {
  const filter = stackFilter(stackName);
  const parts = await Promise.all([
    list('ps', '--all', '--quiet', filter),
    list('network', 'ls', '--quiet', filter),
    list('volume', 'ls', '--quiet', filter),
  ]);
  return parts.flat();
}

const inspectionSchema = z.array(
  z.object({
    Id: z.string(),
    Name: z.string(),
    State: z.object({ Pid: z.int() }),
    Config: z.object({ Labels: z.object({ 'ticketing.component': z.string() }), Env: z.array(z.string()).nullable() }),
    NetworkSettings: z.object({
      Ports: z.record(z.string(), z.array(z.object({ HostPort: z.coerce.number() })).nullable()),
    }),
  }),
);

/** @throws when the engine's containers are no processes of this machine, which is the one whose kernel is asked */
export async function runningContainers(stackName: string): Promise<readonly RunningContainer[]> {
  const ids = await list('ps', '--quiet', '--no-trunc', stackFilter(stackName));
  if (ids.length === 0) return [];
  const inspected = inspectionSchema.parse(JSON.parse(await docker('inspect', '--type=container', ...ids)));
  return inspected.map(({ Id, Name, State, Config, NetworkSettings }) => {
    if (readProcFile(`/proc/${State.Pid}/cgroup`)?.includes(Id) !== true) {
      throw new Error(
        `process ${State.Pid} of ${Name.slice(1)} is not on this machine: run the lab where the Docker engine runs`,
      );
    }
    const ports = Object.entries(NetworkSettings.Ports).flatMap(([port, bindings]) =>
      bindings?.[0] ? [[Number.parseInt(port, 10), bindings[0].HostPort] as const] : [],
    );
    return {
      component: Config.Labels['ticketing.component'],
      name: Name.slice(1),
      processId: State.Pid,
      hostPorts: new Map(ports),
      variables: Object.fromEntries((Config.Env ?? []).map((entry) => entry.split(/=(.*)/s).slice(0, 2))),
    };
  });
}

/** SIGKILL; resolves when it is gone. Nobody puts it back but `startContainer`. */
export async function killContainer(name: string): Promise<void> {
  await docker('kill', '--signal=KILL', name);
}

/** With the engine's own words when it rejects: `address already in use`. */
export async function startContainer(name: string): Promise<void> {
  await docker('start', name);
}

/** Stops it in order, in the time that its stack gives it, and starts it again. */
export async function restartContainer(name: string): Promise<void> {
  await docker('restart', name);
}

/** The last lines that it wrote, for messages. */
export async function containerLogTail(name: string, lines = 15): Promise<string> {
  const { all } = await execa('docker', ['logs', `--tail=${lines}`, name], { all: true, reject: false });
  return all;
}

/**
 * The engine's processes: its daemons, with the port proxies that they started, and the helper of each container, which
 * is its parent and nobody's child.
 */
export function carriersOf(containers: readonly Pick<RunningContainer, 'processId'>[]): readonly number[] {
  const table = readProcessTable();
  const daemons = [...table.keys()].filter((id) =>
    ['dockerd', 'containerd'].includes(readProcFile(`/proc/${id}/comm`)?.trim() ?? ''),
  );
  const helpers = containers.map(({ processId }) => {
    const helper = table.get(processId)?.parentId ?? 0;
    // Where it had no helper, its parent would be the whole machine, or the lab.
    if (helper <= 1 || descendants(table, helper).has(process.pid)) {
      throw new Error(`process ${processId} of a container has no helper of the engine, but the parent ${helper}`);
    }
    return helper;
  });
  return [...new Set([...daemons, ...helpers])];
}

/** `20.10.24` */
export async function readEngineVersion(): Promise<string> {
  return docker('version', '--format', '{{.Server.Version}}');
}

/** The engine's id of an image, which is pulled when the engine does not have it. */
export async function imageId(reference: string): Promise<string> {
  const inspect = ['image', 'inspect', '--format={{.Id}}', reference] as const;
  const present = await execa('docker', inspect, { reject: false });
  if (present.exitCode === 0) return present.stdout.trim();
  await docker('pull', '--quiet', reference);
  return docker(...inspect);
}
