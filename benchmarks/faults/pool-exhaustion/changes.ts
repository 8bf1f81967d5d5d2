import { Agent } from 'node:http';

import { z } from 'zod';

import { startByTheClock } from '../by-the-clock.ts';
import { type Exchange, exchange } from '../cache-rows/http-exchange.ts';

/** A PATCH of a performance's title. Times are of `performance.now()`. */
export interface Change {
  readonly dueMs: number;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly outcome: 'served' | 'refused' | 'failed';
  /** Of what failed: what was seen. */
  readonly what: string | undefined;
}

export interface RunningChanges {
  readonly changes: readonly Change[];
  /** Changes nothing more; resolves when every change has its end. */
  end(): Promise<void>;
}

interface ChangesRequest {
  readonly apiUrl: string;
  readonly apiToken: string;
  /** Ids 1 to this are changed in turn: no two changes that meet are of the same one. */
  readonly performances: number;
  readonly perSecond: number;
}

const answerWithinMs = 10_000;
const changedSchema = z.object({ id: z.int(), title: z.string() });

export function startChanges(
  { apiUrl, apiToken, performances, perSecond }: ChangesRequest,
  signal: AbortSignal,
): RunningChanges {
  const agent = new Agent({ keepAlive: true });
  const changes: Change[] = [];
  async function change(index: number, dueMs: number): Promise<void> {
    const id = 1 + (index % performances);
    const title = `Changed for the ${index + 1}th time`;
    const startedMs = performance.now();
    const answer = await exchange({
      method: 'PATCH',
      url: `${apiUrl}/performances/${id}`,
      agent,
      apiToken,
      body: { title },
      withinMs: answerWithinMs,
    });
    changes.push({ dueMs, startedMs, endedMs: performance.now(), ...judge({ id, title }, answer) });
  }
  const running = startByTheClock(perSecond, change, signal);
  return {
    changes,
    async end() {
      try {
        await running.end();
      } finally {
        agent.destroy();
      }
    },
  };
}

function judge(
  { id, title }: { readonly id: number; readonly title: string },
  answer: Exchange | undefined,
): Pick<Change, 'outcome' | 'what'> {
  if (!answer) return { outcome: 'failed', what: `no answer within ${answerWithinMs} ms` };
  const { status, headers, body } = answer;
  if (status === 503 && headers['retry-after'] !== undefined) return { outcome: 'refused', what: undefined };
  const changed = status === 200 ? changedSchema.safeParse(JSON.parse(body)).data : undefined;
  if (changed?.id === id && changed.title === title) return { outcome: 'served', what: undefined };
  return { outcome: 'failed', what: `${status} ${body.slice(0, 200)}` };
}
