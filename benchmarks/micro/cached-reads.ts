import { requireTool } from '../toolchain/require-tool.ts';
import { readsByResult, startContestants } from './contestants.ts';
import { describeComparison } from './describe-comparison.ts';
import { inRounds } from './in-rounds.ts';
import type { MicroFigure } from './micro-figure.ts';
import { withService } from './with-service.ts';
import { requestsPerSecond } from './wrk.ts';

const connections = 32;
const secondsPerRound = 3;

/**
 * What a cached read costs. The service answers one list page from its cache, beside the same Koa stack with a bare
 * route and one GET, and beside node:http with one GET: the same bytes from the same Redis.
 */
export const cachedReads: MicroFigure = {
  id: 'cached-reads',
  async measure(context) {
    const { signal, step } = context;
    const wrk = await requireTool('wrk', step);
    // Nothing expires while it is measured.
    const configuration = { PERFORMANCE_CACHE: 'look-aside', PERFORMANCE_CACHE_TTL_MS: '3600000' };
    return withService({ database: 'sqlite', configuration }, context, async (service, workbench) => {
      const { contestants, bodyBytes } = await startContestants(service, workbench);
      const before = await readsByResult(service);
      const rates = await inRounds(contestants, context, ({ url }) =>
        requestsPerSecond(wrk, { url, connections, seconds: secondsPerRound, signal }),
      );
      const after = await readsByResult(service);
      const others = after.others - before.others;
      if (others > 0)
        throw new Error(`${others} reads of the service were no hits: what was measured is not the hit path`);
      return [
        `Cached reads per second: one list page of ${bodyBytes} bytes, ${after.hits - before.hits} hits, no misses.`,
        `wrk ${wrk.version}, 1 thread, ${connections} connections, ${secondsPerRound} s a round.`,
        '',
        describeComparison({
          names: contestants.map(({ name }) => name),
          values: rates,
          format: (rate) => Math.round(rate).toLocaleString('en'),
        }),
      ].join('\n');
    });
  },
};
