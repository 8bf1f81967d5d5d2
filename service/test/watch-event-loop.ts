const tickMs = 5;

/** Watches the event loop of this process from now on; `end` gives the longest time between two ticks of 5 ms. */
export function watchEventLoop(): { end(): number } {
  let longestGapMs = 0;
  let last = performance.now();
  const ticking = setInterval(() => {
    longestGapMs = Math.max(longestGapMs, performance.now() - last);
    last = performance.now();
  }, tickMs);
  return {
    end() {
      clearInterval(ticking);
      return longestGapMs;
    },
  };
}
