/** As shipped: reads behind the cache, seats through the stream. Everything else keeps its default. */
export const serviceUnderGate: Readonly<Record<string, string>> = {
  PERFORMANCE_CACHE: 'look-aside',
  SEAT_CREATION: 'stream',
};
