import { isDate } from './instant.ts';
import { invalidRequest } from './invalid-request.ts';
import type { PerformanceChange } from './catalog-repository.ts';
import type { Price } from './model.ts';

/** Refuses, with `invalid-request`, what no performance can have. A change is held to the same rules. */
export function checkPerformance({ period, prices }: PerformanceChange): void {
  if (period !== undefined) checkPeriod(period);
  if (prices !== undefined) checkPrices(prices);
}

function checkPeriod(period: { readonly from: string; readonly to: string }): void {
  for (const end of ['from', 'to'] as const)
    if (!isDate(period[end])) throw refusal(`/period/${end}`, period[end], 'a date YYYY-MM-DD');
  if (period.from > period.to)
    throw refusal('/period/to', period.to, `a date that is not before /period/from, ${period.from}`);
}

function checkPrices(prices: readonly Price[]): void {
  const grades = new Set<string>();
  for (const [index, { grade, amount }] of prices.entries()) {
    if (grades.has(grade)) throw refusal(`/prices/${index}/grade`, grade, 'a grade that has no other price');
    if (!Number.isSafeInteger(amount) || amount < 0) {
      const expected = "a whole number of the currency's smallest unit, 0 or more";
      throw refusal(`/prices/${index}/amount`, amount, expected);
    }
    grades.add(grade);
  }
}

function refusal(pointer: string, value: string | number, expected: string): Error {
  return invalidRequest([{ in: 'body', pointer, value, expected }]);
}
