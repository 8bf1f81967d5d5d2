import type { OpenWindowMeter } from '../protocol/window-meter.ts';
import { difference, openProbes, type VariantReading } from './variant-probes.ts';

/** All probes of a variant, read at the two edges of a window. */
export const openWindowMeter: OpenWindowMeter = async (variant, generatorProcessId) => {
  const probes = await openProbes(variant, generatorProcessId);
  let earlier: VariantReading | undefined;
  return {
    async start() {
      earlier = await probes.read();
    },
    async stop() {
      if (!earlier) throw new Error('the window was stopped before it was started');
      return difference(earlier, await probes.read());
    },
    close: () => probes.close(),
  };
};
