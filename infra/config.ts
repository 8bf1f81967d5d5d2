import type { Input } from '@pulumi/pulumi';
import { z } from 'zod';

import { defaultImages, type ImageName, imageNames } from './images.ts';

/** `user:password` in one of the URLs must need no percent-encoding. */
const secretPattern = /^[\w.~-]{16,256}$/;
const port = z.int().min(1).max(65_535);
/** `name:tag`, `host/name@sha256:…` or the id of a local image. */
const imageReference = z
  .string()
  .regex(
    /^(sha256:[\da-f]{64}|[\w./:-]+(@sha256:[\da-f]{64})?)$/,
    'must be an image: name:tag, name@sha256:<64 hex> or sha256:<64 hex>',
  );
const imageDigest = /(^|@)sha256:[\da-f]{64}$/;
const ownVariable =
  /^(DATABASE_(POOL_SIZE|\w+_MS)|PERFORMANCE_CACHE\w*|SEAT_CREATION\w*|LOG_LEVEL|REQUEST_TIMEOUT_MS)$/;
const cpuSet = z.string().regex(/^\d+([,-]\d+)*$/, 'must be a list of CPUs as Docker writes it: 0 or 0-1 or 0,2');

const settingsSchema = z
  .strictObject({
    /** What the stack is for: decides what is refused, not what is deployed. */
    kind: z.enum(['dev', 'bench', 'prod']),
    database: z.enum(['postgres', 'sqlite']).default('postgres'),
    serviceImage: imageReference,
    images: z.partialRecord(z.enum(imageNames), imageReference).default({}),
    apiReplicas: z.int().min(1).max(16).default(1),
    /** None: the api takes its seat creations from the queue itself. */
    workerReplicas: z.int().min(0).max(16).default(1),
    /** On the host. Absent: any free one. */
    apiPort: port.optional(),
    /** Ports answer on every address of the host, not on loopback alone. */
    openPorts: z.boolean().default(false),
    /** The ports of databases and admin servers on the host's loopback too: what the lab's probes read. */
    probePorts: z.boolean().default(false),
    reverseProxy: z.boolean().default(false),
    /** Prometheus, its exporters and Alertmanager. */
    monitoring: z.boolean().default(true),
    prometheusPort: port.optional(),
    prometheusRetentionDays: z.int().min(1).max(90).default(7),
    grafana: z.boolean().default(true),
    grafanaPort: port.optional(),
    /** Seconds between two looks at a container's health. */
    healthIntervalSeconds: z.int().min(1).max(300).default(2),
    memoryMegabytes: z
      .strictObject({
        api: z.int().min(64),
        worker: z.int().min(64),
        postgres: z.int().min(128),
        redisQueue: z.int().min(32),
        redisCache: z.int().min(32),
      })
      .default({ api: 512, worker: 512, postgres: 512, redisQueue: 256, redisCache: 128 }),
    /** CPUs of each group of containers. Absent: any. */
    cpuSets: z.strictObject({ service: cpuSet.optional(), data: cpuSet.optional() }).default({}),
    /** Variables of the service that differ from what the stack sets: what a variant of an experiment is. */
    serviceVariables: z.record(z.string(), z.string()).default({}),
  })
  .check((context) => {
    for (const problem of contradictions(context.value)) {
      context.issues.push({ code: 'custom', input: context.value, ...problem });
    }
  });

export type Settings = z.output<typeof settingsSchema>;

/** Names as they are in the stack's configuration; each is a secret there. */
export const secretNames = [
  'apiToken',
  'postgresPassword',
  'databasePassword',
  'monitoringPassword',
  'redisQueuePassword',
  'redisCachePassword',
  'grafanaPassword',
] as const;

export type SecretName = (typeof secretNames)[number];

export interface StackConfig extends Settings {
  readonly stackName: string;
  readonly secrets: Readonly<Record<SecretName, Input<string>>>;
  /** Where alerts are posted. `undefined`: Alertmanager shows them and tells nobody. */
  readonly alertWebhookUrl: Input<string> | undefined;
}

/** The stack's configuration can't be used. Each of `problems` names its key and the remedy. */
export class StackConfigError extends Error {
  override readonly name = 'StackConfigError';
  readonly problems: readonly string[];

  constructor(stackName: string, problems: readonly string[]) {
    super(
      [`The configuration of the stack ${stackName} can't be used:`, ...problems.map((line) => `  ${line}`)].join('\n'),
    );
    this.problems = problems;
  }
}

/** Pure. @throws {StackConfigError} with everything that is wrong. */
export function parseSettings(stackName: string, settings: unknown): Settings {
  const parsed = settingsSchema.safeParse(settings);
  if (parsed.success) return parsed.data;
  throw new StackConfigError(
    stackName,
    parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'configuration'}: ${message}`),
  );
}

/** Why a secret's text can't be used, without the text. */
export function secretProblem(name: SecretName, text: string): string | undefined {
  return secretPattern.test(text) ? undefined : `${name}: must be 16 to 256 characters of A-Z a-z 0-9 _ . ~ -`;
}

interface Problem {
  readonly path: string[];
  readonly message: string;
}

function contradictions(settings: Settings): readonly Problem[] {
  const { database, apiReplicas, workerReplicas, reverseProxy, kind, grafana, monitoring } = settings;
  const problems: Problem[] = [];
  if (database === 'sqlite' && (apiReplicas !== 1 || workerReplicas !== 0 || reverseProxy)) {
    problems.push({
      path: ['database'],
      message: 'sqlite is one file of one process: set apiReplicas to 1, workerReplicas to 0 and reverseProxy to false',
    });
  }
  if (apiReplicas > 1 && !reverseProxy) {
    problems.push({
      path: ['reverseProxy'],
      message: `must be true with ${apiReplicas} replicas of the api, got false`,
    });
  }
  if (grafana && !monitoring) {
    problems.push({
      path: ['grafana'],
      message: 'must be false with monitoring: false, it would have nothing to show',
    });
  }
  for (const name of Object.keys(settings.serviceVariables).filter((variable) => !ownVariable.test(variable))) {
    problems.push({
      path: ['serviceVariables', name],
      message: 'is no variable that a stack may change: secrets, addresses and roles are set by the program',
    });
  }
  if (kind === 'prod') problems.push(...unpinnedImages(settings));
  return problems;
}

/** In production nothing may change under a tag. */
function unpinnedImages(settings: Settings): readonly Problem[] {
  const images = imagesOf(settings);
  const used = imageNames
    .filter((name) => isUsed(name, settings))
    .map((name) => [`images.${name}`, images[name]] as const);
  return [['serviceImage', settings.serviceImage] as const, ...used]
    .filter(([, image]) => !imageDigest.test(image))
    .map(([path, image]) => ({
      path: [path],
      message: `must be an image by digest in prod, got "${image}": docker buildx imagetools inspect ${image}`,
    }));
}

function isUsed(name: ImageName, { database, monitoring, grafana, reverseProxy }: Settings): boolean {
  if (name === 'redis') return true;
  if (name === 'postgres') return database === 'postgres';
  if (name === 'postgresExporter') return database === 'postgres' && monitoring;
  if (name === 'grafana') return grafana;
  if (name === 'proxy') return reverseProxy;
  return monitoring;
}

export function imagesOf({ images }: Pick<Settings, 'images'>): Readonly<Record<ImageName, string>> {
  return { ...defaultImages, ...images };
}
