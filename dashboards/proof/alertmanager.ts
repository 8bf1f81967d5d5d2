import { setTimeout as sleep } from 'node:timers/promises';

import { parse, stringify } from 'yaml';
import { z } from 'zod';

import { compressDuration } from '../promql.ts';

const intervals: ReadonlySet<unknown> = new Set(['group_wait', 'group_interval', 'repeat_interval']);

/** A configuration of Alertmanager in a time that runs faster: what its routes wait, divided by `factor`. */
export function compressedNotifications(configuration: string, factor: number): string {
  const inItsTime = (key: unknown, value: unknown): unknown =>
    intervals.has(key) && typeof value === 'string' ? compressDuration(value, factor) : value;
  return stringify(parse(configuration, inItsTime));
}

const alertsSchema = z.array(
  z.object({ labels: z.object({ alertname: z.string() }), status: z.object({ inhibitedBy: z.array(z.string()) }) }),
);
const lookEveryMs = 500;

/** Watches which alerts Alertmanager holds back, because another one explains them. */
export interface InhibitionWatch {
  /** By name. */
  readonly inhibited: ReadonlySet<string>;
  /** @throws when Alertmanager could not be asked */
  stop(): Promise<void>;
}

export function watchInhibitions(alertmanagerUrl: string): InhibitionWatch {
  const inhibited = new Set<string>();
  const over = new AbortController();
  async function watch(): Promise<void> {
    while (!over.signal.aborted) {
      const response = await fetch(`${alertmanagerUrl}/api/v2/alerts`, { signal: AbortSignal.timeout(10_000) });
      if (!response.ok) throw new Error(`Alertmanager was asked for its alerts, and answered ${response.status}`);
      for (const { labels, status } of alertsSchema.parse(await response.json())) {
        if (status.inhibitedBy.length > 0) inhibited.add(labels.alertname);
      }
      await sleep(lookEveryMs, undefined, { signal: over.signal }).catch(() => undefined);
    }
  }
  const watched = watch();
  // Awaited by `stop`; until then a rejection is nobody's.
  watched.catch(() => undefined);
  return {
    inhibited,
    async stop() {
      over.abort();
      await watched;
    },
  };
}
