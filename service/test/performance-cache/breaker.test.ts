import { beforeEach, describe, expect, it } from 'vitest';

import { BreakerOpenError, createBreaker } from '../../src/performance-cache/breaker.ts';
import type { Breaker, BreakerState } from '../../src/performance-cache/breaker.ts';
import { recordEvents } from '../recorded-events.ts';

let nowMs: number;
let states: BreakerState[];
let events: readonly string[];
let breaker: Breaker;

beforeEach(() => {
  nowMs = 0;
  states = [];
  const recorded = recordEvents();
  events = recorded.events;
  breaker = createBreaker({
    failureThreshold: 3,
    retryAfterMs: 1_000,
    isFailure: (error) => error instanceof Error && error.message !== 'an answer',
    monotonicMs: () => nowMs,
    onState: (state) => states.push(state),
    logger: recorded.logger,
  });
});

const fails = (message = 'down'): Promise<void> =>
  breaker.run(() => Promise.reject(new Error(message))).catch(() => {});
const succeeds = (): Promise<string> => breaker.run(() => Promise.resolve('up'));
async function open(): Promise<void> {
  for (let failure = 0; failure < 3; failure += 1) await fails();
}

describe('a breaker', () => {
  it('opens after failures in a row, and then calls nobody', async () => {
    await fails();
    await fails();
    await succeeds();
    await fails();
    await fails();
    expect(await succeeds()).toBe('up');
    await open();
    await expect(succeeds()).rejects.toBeInstanceOf(BreakerOpenError);
    expect(states).toEqual(['open']);
  });

  it('does not count an error that is an answer', async () => {
    await fails();
    await fails();
    await fails('an answer');
    await fails();
    expect(await succeeds()).toBe('up');
  });

  it('lets one probe through when its time has come, and closes when that succeeds', async () => {
    await open();
    nowMs = 1_000;
    const answer = Promise.withResolvers<string>();
    const probe = breaker.run(() => answer.promise);
    await expect(succeeds()).rejects.toBeInstanceOf(BreakerOpenError);
    answer.resolve('up');
    await probe;
    expect(await succeeds()).toBe('up');
    expect(states).toEqual(['open', 'half-open', 'closed']);
  });

  it('stays open for as long again when the probe fails, and logs each change once', async () => {
    await open();
    nowMs = 1_000;
    await fails();
    nowMs = 1_999;
    await expect(succeeds()).rejects.toBeInstanceOf(BreakerOpenError);
    nowMs = 2_000;
    await succeeds();
    expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'closed']);
    expect(events).toEqual(['breaker-open', 'breaker-closed']);
  });

  it('hears no verdict from calls that began before it opened', async () => {
    const late = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const [good, bad] = late.map(({ promise }) => breaker.run(() => promise));
    await open();
    late[0]?.resolve('up');
    await good;
    nowMs = 1_000;
    const answer = Promise.withResolvers<string>();
    const probe = breaker.run(() => answer.promise);
    late[1]?.reject(new Error('down'));
    await expect(bad).rejects.toThrow('down');
    expect(states).toEqual(['open', 'half-open']);
    answer.resolve('up');
    await probe;
  });

  it('tries at once when it is told that there is news', async () => {
    await open();
    breaker.retryNow();
    expect(await succeeds()).toBe('up');
  });
});
