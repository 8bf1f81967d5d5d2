import { Redis } from 'ioredis';

import type { RunningVariant } from '../environments/environment.ts';
import { parsePrometheusText } from '../probes/prometheus-text.ts';
import { startReference } from './reference-server.ts';
import type { Workbench } from './with-service.ts';

const page = '/performances?genre=musical&city=Seoul&limit=20';
const bareKey = 'micro:body';
const references = [
  { name: 'the same Koa stack, bare route, one GET', entry: 'service/test/controls/bare-route.ts' },
  { name: 'node:http, one GET', entry: 'benchmarks/micro/bare-server.ts' },
] as const;

export interface Contestant {
  readonly name: string;
  readonly url: string;
}

async function read(url: string): Promise<{ readonly body: string; readonly cacheStatus: string }> {
  const response = await fetch(url);
  const body = await response.text();
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}: ${body.slice(0, 200)}`);
  return { body, cacheStatus: response.headers.get('cache-status') ?? '' };
}

/** The page, once the service answers with it from its cache. */
async function warmPage(url: string): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { body, cacheStatus } = await read(url);
    if (cacheStatus.endsWith('; hit')) return body;
  }
  throw new Error(`${url} was read 100 times and never came from the cache`);
}

/** How many reads the service has answered from its cache, and how many otherwise, by its own counter. */
export async function readsByResult({ adminUrl }: RunningVariant): Promise<{ hits: number; others: number }> {
  const lines = parsePrometheusText((await read(`${adminUrl}/metrics`)).body);
  const counts = { hits: 0, others: 0 };
  for (const { name, labels, value } of lines) {
    if (name === 'performance_cache_requests_total') counts[labels['result'] === 'hit' ? 'hits' : 'others'] += value;
  }
  return counts;
}

/** The service first, then what it is held against; all of them send the same bytes, or this throws. */
export async function startContestants(
  { apiUrl, redisCacheUrl }: RunningVariant,
  workbench: Workbench,
): Promise<{ readonly contestants: readonly Contestant[]; readonly bodyBytes: number }> {
  const body = await warmPage(apiUrl + page);
  const redis = new Redis(redisCacheUrl);
  await redis.set(bareKey, body);
  redis.disconnect();
  const contestants: Contestant[] = [{ name: 'the service, look-aside, one MGET', url: apiUrl + page }];
  for (const { name, entry } of references) {
    const url = await startReference(entry, { REDIS_CACHE_URL: redisCacheUrl, BARE_KEY: bareKey }, workbench);
    if ((await read(url + page)).body !== body) throw new Error(`${name} does not send the page's bytes`);
    contestants.push({ name, url: url + page });
  }
  return { contestants, bodyBytes: Buffer.byteLength(body) };
}
