import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parse, stringify } from 'yaml';
import { z } from 'zod';

import { onFreePort } from '../../benchmarks/environments/free-port.ts';
import {
  startSupervisedProcess,
  type SupervisedProcess,
  waitUntilReady,
} from '../../benchmarks/environments/supervised-process.ts';
import type { Stage } from '../../benchmarks/faults/stage.ts';
import { requireTool } from '../../benchmarks/toolchain/require-tool.ts';
import type { ToolName } from '../../benchmarks/toolchain/tool.ts';
import { alertmanagerConfiguration } from '../alertmanager-configuration.ts';
import { compressedRules, readRuleFiles } from '../rules.ts';
import { startAlertReceiver } from './alert-receiver.ts';
import { compressedNotifications, type InhibitionWatch, watchInhibitions } from './alertmanager.ts';

/** The rules' minutes are the run's seconds: a run of minutes cannot wait for windows of hours. */
export const timeCompression = 60;
export const scrapeSeconds = 1;

/** Prometheus, its exporters and Alertmanager beside a stage, as processes of this machine. */
export interface Monitoring {
  readonly prometheusUrl: string;
  /** Names of the alerts that have come out of Alertmanager at its receiver. */
  readonly delivered: ReadonlySet<string>;
  /** Names of those that Alertmanager has held back for a time, because another one explains them. */
  readonly inhibited: ReadonlySet<string>;
  /** @throws when Alertmanager could not be watched to the end; all is ended nevertheless */
  close(): Promise<void>;
}

/** @throws when one of them does not come up; then none is left */
export async function startMonitoring(stage: Stage, directory: string): Promise<Monitoring> {
  await mkdir(directory);
  const started: SupervisedProcess[] = [];
  const receiver = await startAlertReceiver();
  let inhibitions: InhibitionWatch | undefined;
  const close = async (): Promise<void> => {
    try {
      await inhibitions?.stop();
    } finally {
      for (const process of started.splice(0).toReversed()) await process.stop();
      await receiver.close();
    }
  };
  try {
    const start = async (request: ServerRequest): Promise<string> => {
      const { process, address } = await startServer(request, directory);
      started.push(process);
      return address;
    };
    const alertmanagerAddress = await start(await alertmanager(directory, receiver.url));
    const targets = {
      ticketing: [...stage.apis, ...stage.workers].map((node) => ({
        targets: [new URL(node.adminUrl).host],
        labels: { role: node.name.replace(/-\d+$/, ''), variant: 'stream' },
      })),
      redis: [
        { targets: [await start(redisExporter('queue', stage.redisQueue.url))], labels: { server: 'queue' } },
        { targets: [await start(redisExporter('cache', stage.redisCache.url))], labels: { server: 'cache' } },
      ],
      postgres: [{ targets: [await start(postgresExporter(stage.database.url))] }],
      alertmanager: [{ targets: [alertmanagerAddress] }],
    };
    await mkdir(join(directory, 'targets'));
    for (const [name, list] of Object.entries(targets)) {
      await writeFile(join(directory, 'targets', `${name}.json`), JSON.stringify(list));
    }
    const address = await start(await prometheus(directory));
    inhibitions = watchInhibitions(`http://${alertmanagerAddress}`);
    const { delivered } = receiver;
    return { prometheusUrl: `http://${address}`, delivered, inhibited: inhibitions.inhibited, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface ServerRequest {
  readonly tool: ToolName;
  readonly name: string;
  readonly args: (address: string) => readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Answers 200 when it is ready. */
  readonly readyPath: string;
}

async function startServer(
  { tool: toolName, name, args, environment, readyPath }: ServerRequest,
  directory: string,
): Promise<{ readonly process: SupervisedProcess; readonly address: string }> {
  const tool = await requireTool(toolName);
  return onFreePort(async (port) => {
    const address = `127.0.0.1:${port}`;
    const process = await startSupervisedProcess({
      name,
      command: tool.path,
      args: args(address),
      environment: { PATH: globalThis.process.env['PATH'], ...tool.environment, ...environment },
      directory,
      logFile: join(directory, `${name}-${port}.log`),
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 5_000,
    });
    try {
      await waitUntilReady(process, () => answers(`http://${address}${readyPath}`));
      return { process, address };
    } catch (error) {
      await process.stop();
      throw error;
    }
  });
}

async function answers(url: string): Promise<true | undefined> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok || undefined;
  } catch {
    // Not ready yet: whoever waits learns from the process itself that it has ended.
    return undefined;
  }
}

function redisExporter(server: string, url: string): ServerRequest {
  return {
    tool: 'prometheus-redis-exporter',
    name: `redis-exporter-${server}`,
    args: (address) => [`-web.listen-address=${address}`, `-redis.addr=${url}`],
    readyPath: '/metrics',
  };
}

/** Debian's 0.11 asks for columns of pg_stat_bgwriter that PostgreSQL has had until 16; what we use comes without. */
function postgresExporter(url: string): ServerRequest {
  return {
    tool: 'prometheus-postgres-exporter',
    name: 'postgres-exporter',
    args: (address) => [
      `--web.listen-address=${address}`,
      '--no-collector.bgwriter',
      '--disable-settings-metrics',
      '--log.level=error',
    ],
    environment: { DATA_SOURCE_NAME: `${url}?sslmode=disable` },
    readyPath: '/metrics',
  };
}

/** The committed configuration with the intervals of this run, and the committed rules in its time. */
async function prometheus(directory: string): Promise<ServerRequest> {
  const source = new URL('../prometheus/prometheus.yml', import.meta.url);
  const configuration = z.record(z.string(), z.unknown()).parse(parse(await readFile(source, 'utf8')));
  const interval = `${scrapeSeconds}s`;
  const global = { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval };
  const file = join(directory, 'prometheus.yml');
  await writeFile(file, stringify({ ...configuration, global }));
  await mkdir(join(directory, 'rules'));
  for (const [name, rules] of readRuleFiles()) {
    await writeFile(join(directory, 'rules', name), compressedRules(rules, timeCompression));
  }
  return {
    tool: 'prometheus',
    name: 'prometheus',
    args: (address) => [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, 'tsdb')}`,
      `--web.listen-address=${address}`,
      '--log.level=warn',
    ],
    readyPath: '/-/ready',
  };
}

/** The committed configuration with a receiver of this run, in its time. */
async function alertmanager(directory: string, receiverUrl: string): Promise<ServerRequest> {
  const file = join(directory, 'alertmanager.yml');
  await writeFile(file, compressedNotifications(alertmanagerConfiguration(receiverUrl), timeCompression));
  return {
    tool: 'alertmanager',
    name: 'alertmanager',
    args: (address) => [
      `--config.file=${file}`,
      `--storage.path=${join(directory, 'alertmanager')}`,
      `--web.listen-address=${address}`,
      '--cluster.listen-address=',
      '--log.level=warn',
    ],
    readyPath: '/-/ready',
  };
}
