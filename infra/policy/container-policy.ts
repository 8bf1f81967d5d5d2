import type { ResourceValidationPolicy } from '@pulumi/policy';
import { z } from 'zod';

const list = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);
const labels = list(z.object({ label: z.string(), value: z.string().optional() })).transform(
  (entries): Readonly<Record<string, string | undefined>> =>
    Object.fromEntries(entries.map(({ label, value }) => [label, value])),
);

/** Of a container's properties what the policies look at. */
const containerSchema = z.object({
  name: z.string().optional(),
  image: z.string().optional(),
  command: list(z.string()),
  envs: list(z.string()),
  labels,
  user: z.string().optional(),
  start: z.boolean().optional(),
  mustRun: z.boolean().optional(),
  restart: z.string().optional(),
  wait: z.boolean().optional(),
  healthcheck: z.object({ tests: list(z.string()) }).nullish(),
  memory: z.number().nullish(),
  memorySwap: z.number().nullish(),
  cpus: z.string().nullish(),
  privileged: z.boolean().nullish(),
  networkMode: z.string().nullish(),
  pidMode: z.string().nullish(),
  ipcMode: z.string().nullish(),
  readOnly: z.boolean().nullish(),
  securityOpts: list(z.string()),
  capabilities: z.object({ adds: list(z.string()), drops: list(z.string()) }).nullish(),
  logDriver: z.string().nullish(),
  logOpts: z.record(z.string(), z.string()).nullish(),
  ports: list(z.object({ ip: z.string().optional() })),
  volumes: list(
    z.object({
      volumeName: z.string().optional(),
      hostPath: z.string().optional(),
      containerPath: z.string().optional(),
    }),
  ),
  mounts: list(z.object({ type: z.string().optional(), source: z.string().optional(), target: z.string().optional() })),
});

export type ContainerProperties = z.output<typeof containerSchema>;

export const containerType = 'docker:index/container:Container';

/** A policy over every container: `problem` says in one sentence what is wrong with one, and what to do. */
export function containerPolicy(
  name: string,
  description: string,
  problem: (container: ContainerProperties) => string | undefined,
): ResourceValidationPolicy {
  return {
    name,
    description,
    enforcementLevel: 'mandatory',
    validateResource: ({ type, props }, report) => {
      if (type !== containerType) return;
      const container = readLazily(props);
      const sentence = problem(container);
      if (sentence !== undefined) report(`${container.name ?? 'a container without a name'}: ${sentence}`);
    },
  };
}

/**
 * Reading a value that is not known before the deployment ends a policy during a preview, so each reads only what it
 * looks at.
 */
function readLazily(props: Readonly<Record<string, unknown>>): ContainerProperties {
  const container = {};
  for (const [key, schema] of Object.entries(containerSchema.shape)) {
    Object.defineProperty(container, key, { get: () => schema.parse(props[key]) });
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each property is what its schema makes of it
  return container as ContainerProperties;
}

/** Which part of the stack a container is, by its name, which is known before the deployment: `redis-queue`. */
export function componentOf({ name = '' }: ContainerProperties): string {
  return name.replace(/^ticketing-[^-]+-/, '');
}

/** Carries files into a volume and is never started: what concerns running containers does not concern it. */
export function isStarted({ start }: ContainerProperties): boolean {
  return start !== false;
}

/** Meant to run until it is stopped. */
export function isService(container: ContainerProperties): boolean {
  return isStarted(container) && container.mustRun !== false;
}
