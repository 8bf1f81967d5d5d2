import { Network, RemoteImage } from '@pulumi/docker';
import { type Input, interpolate, type Output, output } from '@pulumi/pulumi';

import { Alertmanager } from './components/alertmanager.ts';
import { filesFolder } from './components/container-files.ts';
import { PostgresExporter, RedisExporter } from './components/exporters.ts';
import { Grafana } from './components/grafana.ts';
import type { HardenedContainer } from './components/hardened-container.ts';
import { Postgres } from './components/postgres.ts';
import { Prometheus } from './components/prometheus.ts';
import { RedisCache, RedisQueue } from './components/redis.ts';
import { ReverseProxy } from './components/reverse-proxy.ts';
import { type Image, labelsOf, nameOnEngine, type StackContext } from './components/stack-context.ts';
import { createDataVolume, labelList } from './components/stack-volume.ts';
import { adminPort, apiPort, numbered, TicketingService } from './components/ticketing-service.ts';
import { imagesOf, type StackConfig } from './config.ts';
import type { ImageName } from './images.ts';
import { alertmanagerFile, grafanaFiles, prometheusFiles, scrapeTargets } from './monitoring-files.ts';

/** What a person, and the lab, need to know of a stack that is up. */
export interface StackOutputs {
  readonly apiUrl: Output<string>;
  readonly prometheusUrl?: Output<string>;
  readonly grafanaUrl?: Output<string>;
  /** The reference, which says the content. */
  readonly serviceImage: string;
  /** With `probePorts`: the port of the host that reaches each part, by its name: `api-1`, `postgres`. */
  readonly probePorts?: Readonly<Record<string, Output<number>>>;
}

/** The program of every stack: its parts, on a network of their own, from the configuration alone. */
export function deployStack(config: StackConfig): StackOutputs {
  const context = createContext(config);
  const image = imageSource(config);
  const data = createData(config, context, image);
  const proxy = config.reverseProxy
    ? new ReverseProxy('proxy', {
        context,
        image: image('proxy'),
        replicas: numbered('api', config.apiReplicas),
        hostPort: config.apiPort,
      })
    : undefined;
  const service = createService(config, context, { image: image('service'), data, proxy });
  const apiHostPort = proxy?.hostPort ?? firstOf(service.apis).hostPort(apiPort);
  return {
    apiUrl: urlOf(context, apiHostPort),
    ...(config.monitoring ? createMonitoring(config, context, { image, data }) : {}),
    serviceImage: config.serviceImage,
    ...(config.probePorts ? { probePorts: probePortsOf(data, service) } : {}),
  };
}

type ImageSource = (name: ImageName | 'service') => Image;

/** Each image once, looked for on the engine before it is pulled, and left there by `down`. */
function imageSource(config: StackConfig): ImageSource {
  const references = { ...imagesOf(config), service: config.serviceImage };
  const made = new Map<string, RemoteImage>();
  return (name) => {
    const image = made.get(name) ?? new RemoteImage(`${name}-image`, { name: references[name], keepLocally: true });
    made.set(name, image);
    return image;
  };
}

function createContext(config: StackConfig): StackContext {
  const identity = { stackName: config.stackName, kind: config.kind };
  const network = new Network(
    'network',
    {
      name: nameOnEngine(identity, 'network'),
      driver: 'bridge',
      labels: labelList(labelsOf(identity, 'network')),
    },
    { deleteBeforeReplace: true },
  );
  return {
    ...identity,
    networkName: network.name,
    publishAddress: config.openPorts ? '0.0.0.0' : '127.0.0.1',
    healthIntervalSeconds: config.healthIntervalSeconds,
  };
}

interface Data {
  readonly redisQueue: RedisQueue;
  readonly redisCache: RedisCache;
  /** `undefined`: the database is a file of the service's. */
  readonly postgres: Postgres | undefined;
}

function createData(config: StackConfig, context: StackContext, image: ImageSource): Data {
  const { secrets, memoryMegabytes, probePorts } = config;
  const common = (port: number) => ({
    context,
    cpuSet: config.cpuSets.data,
    ports: probePorts ? { [port]: undefined } : {},
  });
  return {
    redisQueue: new RedisQueue('redis-queue', {
      ...common(redisPort),
      image: image('redis'),
      memoryMegabytes: memoryMegabytes.redisQueue,
      password: secrets.redisQueuePassword,
    }),
    redisCache: new RedisCache('redis-cache', {
      ...common(redisPort),
      image: image('redis'),
      memoryMegabytes: memoryMegabytes.redisCache,
      password: secrets.redisCachePassword,
    }),
    postgres:
      config.database === 'sqlite'
        ? undefined
        : new Postgres('postgres', {
            ...common(postgresPort),
            image: image('postgres'),
            memoryMegabytes: memoryMegabytes.postgres,
            superuserPassword: secrets.postgresPassword,
            ownerPassword: secrets.databasePassword,
            monitoringPassword: secrets.monitoringPassword,
          }),
  };
}

const redisPort = 6379;
const postgresPort = 5432;

function createService(
  config: StackConfig,
  context: StackContext,
  { image, data, proxy }: { readonly image: Image; readonly data: Data; readonly proxy: ReverseProxy | undefined },
): TicketingService {
  const { redisQueue, redisCache, postgres } = data;
  const sqlite = postgres ? undefined : createDataVolume(context, 'sqlite-data', {});
  return new TicketingService(
    'service',
    {
      context,
      image,
      cpuSet: config.cpuSets.service,
      apiReplicas: config.apiReplicas,
      workerReplicas: config.workerReplicas,
      memoryMegabytes: config.memoryMegabytes,
      urls: {
        database: postgres?.url ?? 'sqlite:/data/ticketing.db',
        redisQueue: redisQueue.url,
        redisCache: redisCache.url,
      },
      apiToken: config.secrets.apiToken,
      variables: config.serviceVariables,
      publish: { apiPort: config.apiPort, admin: config.probePorts },
      proxy,
      ...(sqlite ? { volumes: [{ name: sqlite.name, path: '/data' }] } : {}),
    },
    { dependsOn: [redisQueue.server.done, redisCache.server.done, ...(postgres ? [postgres.roles.done] : [])] },
  );
}

function createMonitoring(
  config: StackConfig,
  context: StackContext,
  { image, data }: { readonly image: ImageSource; readonly data: Data },
): Pick<StackOutputs, 'prometheusUrl' | 'grafanaUrl'> {
  for (const [server, { server: redis }] of [
    ['queue', data.redisQueue],
    ['cache', data.redisCache],
  ] as const) {
    const password = config.secrets[server === 'queue' ? 'redisQueuePassword' : 'redisCachePassword'];
    new RedisExporter(
      `redis-${server}-exporter`,
      { context, image: image('redisExporter'), host: `redis-${server}`, password },
      { dependsOn: [redis.done] },
    );
  }
  if (data.postgres) {
    new PostgresExporter(
      'postgres-exporter',
      { context, image: image('postgresExporter'), password: config.secrets.monitoringPassword },
      { dependsOn: [data.postgres.roles.done] },
    );
  }
  new Alertmanager('alertmanager', {
    context,
    image: image('alertmanager'),
    configuration: output(config.alertWebhookUrl).apply(alertmanagerFile),
  });
  const prometheus = new Prometheus('prometheus', {
    context,
    image: image('prometheus'),
    configuration: prometheusFiles(),
    targets: scrapeTargets(config),
    retentionDays: config.prometheusRetentionDays,
    hostPort: config.prometheusPort,
  });
  const grafana = config.grafana
    ? new Grafana('grafana', {
        context,
        image: image('grafana'),
        password: config.secrets.grafanaPassword,
        files: grafanaFiles(filesFolder),
        hostPort: config.grafanaPort,
      })
    : undefined;
  return {
    prometheusUrl: urlOf(context, prometheus.webPort),
    ...(grafana ? { grafanaUrl: urlOf(context, grafana.webPort) } : {}),
  };
}

function probePortsOf({ redisQueue, redisCache, postgres }: Data, { apis, workers }: TicketingService) {
  const servers: readonly (readonly [name: string, container: HardenedContainer, port: number])[] = [
    ['redis-queue', redisQueue.server, redisPort],
    ['redis-cache', redisCache.server, redisPort],
    ...(postgres ? [['postgres', postgres.server, postgresPort] as const] : []),
    ...apis.map((api, index) => [`api-${index + 1}`, api, adminPort] as const),
    ...workers.map((worker, index) => [`worker-${index + 1}`, worker, adminPort] as const),
  ];
  return Object.fromEntries(servers.map(([name, container, port]) => [name, container.hostPort(port)]));
}

function firstOf(apis: readonly HardenedContainer[]): HardenedContainer {
  const [first] = apis;
  if (first === undefined) throw new Error('apiReplicas must be 1 or more, got 0');
  return first;
}

/** As it is reached on the host itself. */
function urlOf({ publishAddress }: StackContext, port: Input<number>): Output<string> {
  return interpolate`http://${publishAddress === '0.0.0.0' ? '127.0.0.1' : publishAddress}:${port}`;
}
