/** Time as a consumer needs it. */
export interface ConsumerClock {
  now(): Date;
  monotonicMs(): number;
  /** Resolves after so long, or as soon as the signal is aborted: never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: ConsumerClock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    if (signal.aborted) return;
    const woken = Promise.withResolvers<unknown>();
    const timer = setTimeout(woken.resolve, ms);
    signal.addEventListener('abort', woken.resolve, { once: true });
    await woken.promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', woken.resolve);
  },
};
