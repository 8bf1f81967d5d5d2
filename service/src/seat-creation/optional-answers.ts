import { DomainError } from '../domain-error.ts';

/**
 * Asks somebody whose answer is good to have and not worth waiting for. `undefined`: there was no answer in time, or
 * there was none lately. Rejects with what is neither slowness nor an outage.
 */
export type OptionalAnswers = <Answer>(ask: () => Promise<Answer>) => Promise<Answer | undefined>;

export interface OptionalAnswersOptions {
  readonly timeoutMs: number;
  /** After a failure one question is asked each time that so much has passed; the others are not kept waiting. */
  readonly retryAfterMs: number;
  readonly monotonicMs: () => number;
}

export function createOptionalAnswers({
  timeoutMs,
  retryAfterMs,
  monotonicMs,
}: OptionalAnswersOptions): OptionalAnswers {
  let failing = false;
  let askAgainAtMs = 0;

  return async (ask) => {
    if (failing) {
      if (monotonicMs() < askAgainAtMs) return undefined;
      askAgainAtMs = monotonicMs() + retryAfterMs;
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, 'late');
    });
    const asked = ask().then(
      (answer) => ({ answer }),
      (error: unknown) => ({ error }),
    );
    const result = await Promise.race([asked, late]);
    clearTimeout(timer);
    if (result !== 'late' && 'answer' in result) {
      failing = false;
      return result.answer;
    }
    if (result !== 'late' && !isOutage(result.error)) throw result.error;
    if (!failing) askAgainAtMs = monotonicMs() + retryAfterMs;
    failing = true;
    return undefined;
  };
}

function isOutage(error: unknown): boolean {
  return error instanceof DomainError && (error.code === 'overloaded' || error.code === 'database-unavailable');
}
