import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { expect, it, onTestFinished } from 'vitest';

import { streamKey } from '../../src/seat-creation/stream-keys.ts';
import { bodyOf } from '../http/service-under-test.ts';
import { spawnNode } from '../spawn-node.ts';
import { job, startQueue } from './queue-under-test.ts';

const program = new URL('../controls/bare-publish.ts', import.meta.url).pathname;

async function startBarePublish(redisUrl: string): Promise<string> {
  const child = spawnNode([program], { REDIS_QUEUE_URL: redisUrl });
  const [line]: string[] = await once(createInterface({ input: child.stdout }), 'line');
  const { apiPort }: { apiPort?: number } = JSON.parse(line ?? '{}');
  return `http://127.0.0.1:${apiPort}`;
}

it('the reference for accepting writes what the service writes, and answers as it does', async () => {
  const queue = await startQueue();
  onTestFinished(() => queue.stop());
  const written = async (): Promise<object> => {
    const [entry] = await queue.admin.xrange(streamKey, '-', '+');
    const content: object = JSON.parse(entry?.[1][1] ?? '{}');
    const keys = (await queue.admin.keys('*')).sort().map((key) => key.replace(/[\da-f-]{36}$/, '<id>'));
    return { keys, fieldsOfJob: Object.keys(content) };
  };
  await queue.publisher.accept(job(7));
  const byTheService = await written();
  await queue.empty();

  const url = await startBarePublish(queue.url);
  const response = await fetch(`${url}/halls/7/seats`, { method: 'POST' });
  const { id } = await bodyOf<{ readonly id: string }>(response);
  expect([response.status, response.headers.get('Location')]).toEqual([202, `/seat-creations/${id}`]);
  expect(await written()).toEqual(byTheService);
  expect((await fetch(`${url}/halls/7/seats`, { method: 'POST' })).status).toBe(500);
});
