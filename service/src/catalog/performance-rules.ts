import { DomainError } from '../domain-error.ts';
import { isDate } from './instant.ts';
import type { PerformanceChange } from './catalog-repository.ts';
import type { Price } from './model.ts';

/** Refuses, with `invalid-request`, what no performance can have. A change is held to the same rules. */
export function checkPerformance({ period, prices }: PerformanceChange): void {
  if (period !== undefined) checkPeriod(period);
  if (prices !== undefined) checkPrices(prices);
}

function checkPeriod(period: { readonly from: string; readonly to: string }): void {
  if (!isDate(period.from) || !isDate(period.to) || period.from > period.to) {
    throw new DomainError(
      'invalid-request',
      `period must be two dates YYYY-MM-DD, the first not after the second, got "${period.from}" to "${period.to}"`,
      { parameter: 'period', value: period },
    );
  }
}

function checkPrices(prices: readonly Price[]): void {
  const grades = new Set<string>();
  for (const { grade, amount } of prices) {
    if (grades.has(grade)) {
      throw new DomainError('invalid-request', `a grade has one price, got two for "${grade}"`, {
        parameter: 'prices',
        grade,
      });
    }
    if (!Number.isSafeInteger(amount) || amount < 0) {
      throw new DomainError(
        'invalid-request',
        `the price of grade "${grade}" must be a whole number of the currency's smallest unit, 0 or more, got ${amount}`,
        { parameter: 'prices', grade, amount },
      );
    }
    grades.add(grade);
  }
}
