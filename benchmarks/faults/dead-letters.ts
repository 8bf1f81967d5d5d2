import { setTimeout as sleep } from 'node:timers/promises';

import { z } from 'zod';

import type { CrashStage } from './stage.ts';

const pageSchema = z.object({
  items: z.array(z.object({ id: z.string(), reason: z.string(), operationId: z.string().optional() })),
  nextCursor: z.string().optional(),
});

export type ReportedLetter = z.infer<typeof pageSchema>['items'][number];

/** Just after a restart of Redis the API is about to reconnect, and says 503. */
const unavailableForMs = 10_000;

/** All pages of `GET /dead-letters`, the oldest first. @throws when an answer is not 200, or stays 503 for 10 s */
export async function readDeadLetters({
  apis,
  apiToken,
}: Pick<CrashStage, 'apis' | 'apiToken'>): Promise<ReportedLetter[]> {
  const api = apis.find((node) => node.isRunning());
  if (api?.apiUrl === undefined)
    throw new Error('no API of the stage runs: start one before its dead letters are read');
  const letters: ReportedLetter[] = [];
  let cursor: string | undefined;
  do {
    const query = `limit=100${cursor === undefined ? '' : `&cursor=${cursor}`}`;
    const page = pageSchema.parse(await readJson(`${api.apiUrl}/dead-letters?${query}`, apiToken));
    letters.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return letters;
}

async function readJson(url: string, apiToken: string): Promise<unknown> {
  const deadlineMs = performance.now() + unavailableForMs;
  for (;;) {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${apiToken}` } });
    if (answer.ok) return answer.json();
    const text = await answer.text();
    if (answer.status !== 503 || performance.now() > deadlineMs) {
      throw new Error(`GET ${url} answered ${answer.status}: ${text}`);
    }
    await sleep(100);
  }
}
