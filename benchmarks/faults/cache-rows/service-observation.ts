import { readMetricLines, sumOf } from '../service-metrics.ts';
import type { ServiceNode } from '../stage.ts';

/** The sum of a metric's lines with these labels, over the processes. @throws when one of them is not there */
export async function readMetric(
  nodes: readonly ServiceNode[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const pages = await Promise.all(nodes.map((node) => readMetricLines(node)));
  return sumOf(pages.flat(), { name, labels });
}

export async function areBreakersClosed(nodes: readonly ServiceNode[]): Promise<boolean> {
  return (await readMetric(nodes, 'performance_cache_breaker_state', { state: 'closed' })) === nodes.length;
}

/** A look at processes before a fault; `problems` says afterwards what of them is not as it was, or was logged wrong. */
export interface ServiceWatch {
  problems(expected: { readonly breakerOpens: boolean }): Promise<string[]>;
  /** Resident bytes, more than at the beginning, of all together. */
  growthBytes(): Promise<number>;
}

export async function watchServices(nodes: readonly ServiceNode[]): Promise<ServiceWatch> {
  const processIds = nodes.map(({ processId }) => processId);
  const logged = await Promise.all(nodes.map(async ({ process }) => (await process.log()).length));
  const resident = (): Promise<number> => readMetric(nodes, 'process_resident_memory_bytes');
  const before = await resident();
  return {
    async problems({ breakerOpens }) {
      const problems: string[] = [];
      for (const [index, node] of nodes.entries()) {
        if (!node.isRunning() || node.processId !== processIds[index]) {
          problems.push(`${node.name} died`);
          continue;
        }
        const log = (await node.process.log()).slice(logged[index]);
        problems.push(...logProblems(node.name, log, breakerOpens));
      }
      return problems;
    },
    growthBytes: async () => (await resident()) - before,
  };
}

function logProblems(name: string, log: string, breakerOpens: boolean): string[] {
  const changes = [...log.matchAll(/"event":"(breaker-(?:open|closed))"/g)].map(([, event]) => event);
  const repeated = changes.findIndex((event, index) => event === changes[index - 1]);
  const [error] = /^.*"level":"error".*$/m.exec(log) ?? [];
  return [
    ...(/"event":"(unhandled-rejection|uncaught-exception)"/.test(log)
      ? [`${name} logged an unhandled rejection`]
      : []),
    ...(error ? [`${name} logged an error: ${error.slice(0, 300)}`] : []),
    ...(repeated >= 0 ? [`${name} logged ${changes[repeated]} twice in a row`] : []),
    ...(breakerOpens && !changes.includes('breaker-open') ? [`the breaker of ${name} never opened`] : []),
    ...(changes.at(-1) === 'breaker-open' ? [`the breaker of ${name} is open at the end`] : []),
  ];
}
