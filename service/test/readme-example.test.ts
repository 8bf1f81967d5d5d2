import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { type RedisServer, startRedisServer } from '../../benchmarks/environments/redis-server.ts';
import { type ServiceUnderTest, startService } from './http/service-under-test.ts';

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
const section = /^## The API by example$.*?(?=^## )/ms.exec(readme)?.[0] ?? '';
const [, start = '', example = ''] = /^```sh\n(.*?)```.*?^```sh\n(.*?)```/ms.exec(section) ?? [];

let directory: string;
let redis: readonly RedisServer[];
let service: ServiceUnderTest;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'readme-example-'));
  const [queue, cache] = await Promise.all(
    (['queue', 'cache'] as const).map((role) => startRedisServer({ role, directory })),
  );
  redis = [queue, cache].filter((server) => server !== undefined);
  service = await startService({
    PERFORMANCE_CACHE: 'look-aside',
    REDIS_QUEUE_URL: queue?.url,
    REDIS_CACHE_URL: cache?.url,
    ...Object.fromEntries([...start.matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value])),
  });
});
afterAll(async () => {
  await service.stop();
  for (const server of redis) await server.stop();
  await rm(directory, { recursive: true });
});

/** Statuses as the comments say them, in their order. */
const promised = [...example.matchAll(/# (\d{3})\b/g)].map(([, status]) => status);

/** Keeps the status of every answer; a question that was asked again at once, with the same answer, counts once. */
const curlThatKeepsStatuses = `
curl() {
  local head; head=$(mktemp "$SCRATCH/head.XXXXXX")
  command curl -D "$head" "$@"; local status=$?
  printf '%s %s\\n' "$(sed -n '1s/^[^ ]* \\([0-9]*\\).*/\\1/p' "$head")" "$(tr '\\n' ' ' <<< "$*")" >> "$STATUSES"
  return $status
}
`;

async function run(lines: string): Promise<{ readonly statuses: readonly string[]; readonly stdout: string }> {
  const scratch = await mkdtemp(join(directory, 'run-'));
  const statuses = join(scratch, 'statuses');
  const script = lines.replace('http://127.0.0.1:3000', service.api);
  const { stdout } = await execa('bash', ['-euo', 'pipefail', '-c', `${curlThatKeepsStatuses}${script}`], {
    env: { SCRATCH: scratch, STATUSES: statuses },
    reject: false,
    timeout: 20_000,
  });
  const asked = (await readFile(statuses, 'utf8')).trimEnd().split('\n');
  return { stdout, statuses: asked.filter((line, index) => line !== asked[index - 1]).map((line) => line.slice(0, 3)) };
}

it('works as it stands in README.md, twice on the same data, and every answer has the status beside it', async () => {
  expect(start).toMatch(/make dev$/m);
  expect(promised).toContain('202');
  for (const expectedIds of ['/venues/1', '/venues/2']) {
    const { statuses, stdout } = await run(`${example}\necho "$venue"`);
    expect(statuses).toEqual(promised);
    expect(stdout).toContain('"state":"done"');
    expect(stdout).toContain('"title":"Hamlet, Prince of Denmark"');
    expect(stdout.endsWith(expectedIds)).toBe(true);
  }
});

it.each([
  ['the token is another', (lines: string) => lines.replace('a-token-for-trying', 'another-token-than-that')],
  ['a field is misspelled', (lines: string) => lines.replace('"title"', '"titel"')],
  ['a line is left out', (lines: string) => lines.replace(/^curl .*version.*$/m, '')],
])('would be found out of date when %s', async (_, spoil) => {
  const spoiled = spoil(example);
  expect(spoiled).not.toBe(example);
  expect((await run(spoiled)).statuses).not.toEqual(promised);
});
