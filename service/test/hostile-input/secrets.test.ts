import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { startPostgresProxy } from '../database/postgres-proxy.ts';
import { createPostgresDatabase, hamlet } from '../http/service-under-test.ts';
import { operationsOf } from './documented-api.ts';
import { readDocument } from './fuzz.ts';
import { type FuzzedService, startFuzzedService, token } from './fuzzed-service.ts';

const databasePassword = 'canary-database-p@ss/word';
const redisPassword = 'canary-redis-p@ss/word';
const secrets = [
  token,
  databasePassword,
  redisPassword,
  encodeURIComponent(databasePassword),
  encodeURIComponent(redisPassword),
];

type Texts = Readonly<Record<'answers' | 'metrics' | 'output', string>>;

/** The places where a secret stands. */
function tellingPlaces(texts: Texts): readonly string[] {
  return Object.entries(texts).flatMap(([place, text]) =>
    secrets.some((secret) => text.includes(secret)) ? [place] : [],
  );
}

/** What every operation answers, also to who has no token, with what is measured and all that was written meanwhile. */
async function askForEverything(service: FuzzedService): Promise<Texts> {
  const { apiPort, adminPort } = service;
  const document = await readDocument(apiPort);
  const addresses = operationsOf(document).map(({ method, path }) => [method, path.replace('{id}', '1')] as const);
  const answers: string[] = [];
  for (const authorization of [`Bearer ${token}`, 'Bearer x'])
    for (const [method, path] of addresses) {
      const response = await fetch(`http://127.0.0.1:${apiPort}${path}`, {
        method,
        headers: { Authorization: authorization, 'Content-Type': 'application/json' },
        ...(method !== 'GET' && !/seats|replay/.test(path) && { body: JSON.stringify(hamlet) }),
      });
      answers.push(`${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`);
    }
  const admin = await Promise.all(
    ['metrics', 'readyz', 'livez'].map(async (path) => (await fetch(`http://127.0.0.1:${adminPort}/${path}`)).text()),
  );
  return { answers: answers.join('\n'), metrics: admin.join('\n'), output: service.output() };
}

async function startWithSecrets(entry?: readonly string[]) {
  const url = new URL(await createPostgresDatabase());
  url.password = encodeURIComponent(databasePassword);
  const proxy = await startPostgresProxy(url.href);
  onTestFinished(() => proxy.close());
  const service = await startFuzzedService({
    environment: { DATABASE_URL: proxy.connectionString, LOG_LEVEL: 'trace' },
    redisPassword,
    ...(entry && { entry }),
  });
  onTestFinished(() => service.stop());
  return { service, proxy };
}

describe('the token and the passwords', () => {
  it('stand in no answer, no metric and no line while all is well', async () => {
    const { service } = await startWithSecrets();
    const texts = await askForEverything(service);
    expect(texts.answers).toMatch(/^201 .*Hamlet/m);
    expect(tellingPlaces(texts)).toEqual([]);
  });

  it('nor when database, queue and cache are lost and refuse the password', async () => {
    const { service, proxy } = await startWithSecrets();
    await proxy.close();
    await changePassword(service.queueUrl);
    await vi.waitFor(() => expect(service.events.get('redis-disconnected')).toBeGreaterThan(0), { timeout: 5_000 });
    const texts = await askForEverything(service);
    expect(texts.answers).toMatch(/^503 .*database-unavailable/m);
    expect(texts.answers).toMatch(/^503 .*queue-unavailable/m);
    expect(texts.output).toContain('"event":"database-unavailable"');
    expect(tellingPlaces(texts)).toEqual([]);
  });

  it.each([
    ['nobody is there', `postgres://lab:${encodeURIComponent(databasePassword)}@127.0.0.1:9/ticketing`],
    ['the host is none', `postgres://lab:${encodeURIComponent(databasePassword)}@[::zz]/ticketing`],
    ['the password is cut off', `postgres://lab:canary-database-p@ss/word@127.0.0.1:9/ticketing`],
  ])('nor at a start that fails because %s', async (_name, url) => {
    const failed = await startFuzzedService({ environment: { DATABASE_URL: url }, redisPassword }).catch(String);
    expect(failed).toMatch(/did not start: [^]*(?:start-failed|DATABASE_URL)/);
    expect(failed).not.toContain('canary');
  });

  it('would be seen', async () => {
    const control = new URL('../controls/hostile-input-control.ts', import.meta.url).pathname;
    const { service } = await startWithSecrets([control, 'tell']);
    expect(tellingPlaces(await askForEverything(service))).toEqual(['answers', 'output']);
  });
});

/** From now on nobody's password is right; who is connected has to come again. */
async function changePassword(url: string): Promise<void> {
  const admin = new Redis(url);
  await admin.config('SET', 'requirepass', 'another');
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  admin.disconnect();
}
