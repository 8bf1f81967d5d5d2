import type { Options } from 'k6/options';

import { text } from './script-variables.ts';

/**
 * What every script has around its scenarios; the other half of it is `load/k6.ts`.
 * Each tag is a column of the raw file and is paid for with every sample: only what the lab reads, and bounded.
 */
export const frameOptions: Options = {
  systemTags: ['method', 'name', 'status', 'expected_response'],
  summaryTrendStats: ['med', 'p(95)'],
};

/** k6 calls it when all virtual users are made and the scenarios are about to start. */
export function setup(): void {
  console.log(`scenarios start at ${Date.now()}`);
}

export function handleSummary(data: unknown): Record<string, string> {
  return { [text('SUMMARY_FILE')]: JSON.stringify(data) };
}
