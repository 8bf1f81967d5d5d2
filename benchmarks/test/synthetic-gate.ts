import { createSeededRandom } from '../analysis/seeded-random.ts';
import { standardNormal } from '../analysis/standard-normal.ts';
import type { CalibrationGroup } from '../gate/calibration-record.ts';
import type { Counters, GateLoad } from '../gate/counters.ts';
import type { GateRecord, GateSlot, GateVariant } from '../gate/gate-record.ts';

export const counters: Counters = {
  reads: {
    statements: { 'list-performances': 65, 'find-performance': 46 },
    databaseStatements: {
      'with "page" as …': { calls: 65, sharedBuffers: 37_545 },
      'select "id" …': { calls: 46, sharedBuffers: 1352 },
    },
    cacheCommands: { mget: 430, evalsha: 222 },
    queueCommands: { xlen: 2 },
    responses: { 'list, hit': { count: 40, bodyBytes: 261_300 } },
    cacheKeysWithoutTtl: {},
    queueKeysWithoutTtl: { 'seat-creation': 1 },
  },
  'seat-creation': {
    statements: { begin: 41, commit: 41 },
    databaseStatements: { 'insert into seat_creations …': { calls: 20, sharedBuffers: 340 } },
    cacheCommands: {},
    queueCommands: { xadd: 20, evalsha: 40 },
    responses: { job: { count: 20, bodyBytes: 900 } },
    cacheKeysWithoutTtl: {},
    queueKeysWithoutTtl: { 'seat-creation': 1 },
  },
};

export interface SyntheticBlocks {
  readonly load: GateLoad;
  readonly blocks: number;
  readonly control: boolean;
  /** What head and control cost, as a multiple of the base. */
  readonly head?: number;
  readonly second?: number;
  /** Standard deviation of a block's log-ratio. */
  readonly noise?: number;
  readonly seed?: number;
}

/** Slots of 1,000 requests that cost the base 1 s of CPU, beside noise that is the same for the same seed. */
export function gateSlots({
  load,
  blocks,
  control,
  head = 1,
  second = 1,
  noise = 0.01,
  seed = 1,
}: SyntheticBlocks): GateSlot[] {
  const random = createSeededRandom(seed);
  const cost: Readonly<Record<GateVariant, number>> = { base: 1, head, control: second };
  const variants: readonly GateVariant[] = control ? ['base', 'head', 'control'] : ['base', 'head'];
  return Array.from({ length: blocks }).flatMap((_, block) =>
    variants.map((variant) => {
      const seconds = cost[variant] * Math.exp((noise / Math.SQRT2) * standardNormal(random));
      return {
        load,
        block: block + 1,
        variant,
        startedAt: '2026-11-23T12:00:00.000Z',
        attempt: 1,
        samples: {
          service_cpu_seconds: 0.75 * seconds,
          database_cpu_seconds: 0.25 * seconds,
          requests: 1000,
          window_seconds: 4,
          latency_p50_seconds: 0.001 * seconds,
          latency_p99_seconds: 0.004 * seconds,
        },
        broken: [],
      };
    }),
  );
}

/** A gate that screened both loads and had nothing to confirm. */
export function gateRecord(over: Partial<GateRecord> = {}): GateRecord {
  return {
    base: { ref: 'main', commit: 'a'.repeat(40) },
    head: { ref: 'HEAD', commit: 'b'.repeat(40) },
    seed: 1,
    startedAt: '2026-11-23T12:00:00.000Z',
    endedAt: '2026-11-23T12:07:30.000Z',
    fingerprint: { cpuModel: 'CPU', cores: 2, memoryBytes: 8e9, kernel: '6.1', hypervisor: 'none seen', binaries: [] },
    counters: { expected: counters, head: counters, base: counters },
    screen: [
      ...gateSlots({ load: 'reads', blocks: 6, control: false }),
      ...gateSlots({ load: 'seat-creation', blocks: 6, control: false, seed: 2 }),
    ],
    confirmation: [],
    ...over,
  };
}

export function calibrationGroup(over: Partial<CalibrationGroup> & Partial<SyntheticBlocks> = {}): CalibrationGroup {
  const { group = 0, load = 'reads', plantedLoss = 0, ...blocks } = over;
  return {
    group,
    load,
    plantedLoss,
    burnedSecondsPerRequest: plantedLoss / 1000,
    slots:
      over.slots ??
      gateSlots({ load, blocks: 3, control: true, head: 1 + plantedLoss, seed: group + 1, ...pickNoise(blocks) }),
  };
}

const pickNoise = ({ noise }: Partial<SyntheticBlocks>): Partial<SyntheticBlocks> =>
  noise === undefined ? {} : { noise };
