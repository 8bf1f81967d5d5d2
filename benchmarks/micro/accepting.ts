import { fileURLToPath } from 'node:url';

import { Redis } from 'ioredis';

import { percentile, type MetricValue } from '../analysis/metric-value.ts';
import type { RunningVariant } from '../environments/environment.ts';
import { startLoad } from '../load/k6.ts';
import type { LoadRequest, LoadWindow } from '../load/load.ts';
import { requireTool } from '../toolchain/require-tool.ts';
import { describeComparison } from './describe-comparison.ts';
import { inRounds } from './in-rounds.ts';
import type { MicroContext, MicroFigure } from './micro-figure.ts';
import { newHalls } from './new-halls.ts';
import { startReference } from './reference-server.ts';
import { type Workbench, withService } from './with-service.ts';

const ratePerSecond = 500;
const warmUpSeconds = 2;
const windowSeconds = 6;
const durationSeconds = warmUpSeconds + windowSeconds;
const seatsEach = 10;
const goal = { ratio: 1.5, better: 'lower' } as const;
const script = fileURLToPath(new URL('../scenarios/seat-creations.ts', import.meta.url));

interface Contestant {
  readonly name: string;
  readonly url: string;
}

/**
 * What a 202 costs: the service beside node:http that runs the same script with the same arguments at the same Redis,
 * which is emptied before each measurement. No worker runs: what was accepted stays until then.
 */
export const accepting: MicroFigure = {
  id: 'accepting',
  async measure(context) {
    const k6 = await requireTool('k6', context.step);
    const configuration = { SEAT_CREATION: 'stream', ROLE: 'api' };
    return withService({ database: 'postgres', configuration }, context, async (service, workbench) => {
      const contestants: readonly Contestant[] = [
        { name: 'the service', url: service.apiUrl },
        {
          name: 'node:http, the same script',
          url: await startReference(
            'service/test/controls/bare-publish.ts',
            { REDIS_QUEUE_URL: service.redisQueueUrl },
            workbench,
          ),
        },
      ];
      // k6 may begin one iteration more than the rate says.
      const count = ratePerSecond * durationSeconds + 1;
      const [firstHallId = 0] = await newHalls(service, { count, seatsEach }, context);
      const windows = await inRounds(contestants, context, ({ url }) =>
        acceptAtRate(k6.path, { service, url, firstHallId }, { context, workbench }),
      );
      return describe(contestants, windows, k6.version);
    });
  },
};

interface Target {
  readonly service: RunningVariant;
  readonly url: string;
  readonly firstHallId: number;
}

/** @throws when anything was not accepted, or not exactly what was accepted stands in the queue */
async function acceptAtRate(
  k6: string,
  { service, url, firstHallId }: Target,
  { context, workbench }: { readonly context: MicroContext; readonly workbench: Workbench },
): Promise<LoadWindow> {
  const queue = new Redis(service.redisQueueUrl);
  try {
    await queue.flushall();
    const request: LoadRequest = {
      script,
      apiUrl: url,
      apiToken: service.apiToken,
      variables: {
        RATE: String(ratePerSecond),
        DURATION_SECONDS: String(durationSeconds),
        FIRST_HALL_ID: String(firstHallId),
      },
    };
    const load = startLoad(k6, request, workbench.directory);
    const stop = (): void => void load.stop().catch(() => undefined);
    context.signal.addEventListener('abort', stop);
    const finished = await load.finished.finally(() => context.signal.removeEventListener('abort', stop));
    const from = new Date((await load.started).getTime() + 1_000 * warmUpSeconds);
    const whole = await finished.window(new Date(0), new Date(8.64e15));
    const accepted = await queue.xlen('seat-creation');
    if (whole.failedRequests > 0 || accepted !== whole.requests) {
      throw new Error(
        `of ${whole.requests} requests to ${url} ${whole.failedRequests} failed, and ${accepted} stand in the queue`,
      );
    }
    return await finished.window(from, new Date(from.getTime() + 1_000 * windowSeconds));
  } finally {
    queue.disconnect();
  }
}

function describe(
  contestants: readonly Contestant[],
  windows: readonly (readonly LoadWindow[])[],
  k6Version: string,
): string {
  const names = contestants.map(({ name }) => name);
  const format = (seconds: number): string => `${(1_000 * seconds).toFixed(2)} ms`;
  const at = (quantile: number) => windows.map((row) => row.map(({ latencies }) => quantileOf(quantile, latencies)));
  const all = windows.flat();
  const largestLag = Math.max(...all.map(({ scheduleLagSeconds }) => scheduleLagSeconds.largest));
  const dropped = all.reduce((sum, { droppedIterations }) => sum + droppedIterations, 0);
  return [
    `Accepting seat creations: ${ratePerSecond} requests/s, a hall each, PostgreSQL, Redis with appendfsync always.`,
    `k6 ${k6Version}, open model, ${windowSeconds} s a round after ${warmUpSeconds} s to warm up; ` +
      `${dropped} requests dropped, the latest start ${format(largestLag)} late.`,
    'What the service does more: request id, log and metrics, routing, the token, validation, one query that asks for',
    'the hall and its seats, the durability of Redis, problem details for what it refuses.',
    '',
    'p50',
    describeComparison({ names, values: at(0.5), format }),
    '',
    'p99',
    describeComparison({ names, values: at(0.99), format, goal }),
  ].join('\n');
}

function quantileOf(quantile: number, latencies: LoadWindow['latencies']): number {
  const value: MetricValue = percentile(quantile, latencies[0]?.buckets ?? []);
  if ('missing' in value) throw new Error(`k6 has no latencies: ${value.missing}`);
  return value.value;
}
