import { createSeededRandom } from '../analysis/seeded-random.ts';
import type {
  Evidence,
  GuardOutcome,
  LatencyHistogram,
  RunRecord,
  Sample,
  Slot,
  VariantId,
} from '../evidence/schema.ts';
import { experiment } from '../experiments/performance-cache.ts';
import { drawBlockOrders } from '../protocol/block-orders.ts';

export interface SyntheticOptions {
  readonly blocks: number;
  readonly seed: number;
  /** Of the database's CPU between blocks and slots, as a share. */
  readonly noise: number;
  /** Mean database CPU at the offered rate, in % of a core. */
  readonly databaseCpuPercent: Readonly<Record<VariantId, number>>;
  readonly sweep: boolean;
  readonly closed: boolean;
}

const defaults: SyntheticOptions = {
  blocks: 6,
  seed: 20_261_123,
  noise: 0.05,
  databaseCpuPercent: { before: 79, after: 4.1 },
  sweep: true,
  closed: true,
};

/** Another one than the noise is drawn from. */
const runSeed = (seed: number): number => seed + 1;

const rate = 148;
const mebibyte = 2 ** 20;

/** Invented evidence with the shape of a real run, for tests alone: seeded noise, no clock, no measurement. */
export function syntheticEvidence(options: Partial<SyntheticOptions> = {}): Evidence {
  const settings = { ...defaults, ...options };
  const windowSeconds = settings.blocks < 10 ? 4 : 15;
  const slots = syntheticSlots(settings, windowSeconds);
  const random = createSeededRandom(settings.seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const jitter = () => Math.exp(settings.noise * normal());
  const samples = slots.flatMap((slot) => slotSamples(slot, settings, jitter));
  const latencies = slots.flatMap((slot) => slotLatencies(slot, jitter));
  return { run: syntheticRun(settings, slots, windowSeconds), samples, latencies };
}

function syntheticSlots({ blocks, seed, sweep, closed }: SyntheticOptions, windowSeconds: number): Slot[] {
  let startSeconds = Date.UTC(2026, 10, 23, 12) / 1000;
  const slot = (own: Pick<Slot, 'id' | 'role' | 'variant'> & Partial<Slot>): Slot => {
    startSeconds += 2 * windowSeconds;
    return {
      startedAt: new Date(startSeconds * 1000).toISOString(),
      warmUpSeconds: windowSeconds - 1,
      windowSeconds,
      offered: rate,
      attempt: 1,
      guards: slotGuards(),
      rawSha256: 'cd'.repeat(32),
      ...own,
    };
  };
  const slots = [1, 2, 3].map((number) =>
    slot({ id: `calibration-${number}`, role: 'calibration', variant: 'before' }),
  );
  for (const [before, order] of drawBlockOrders(runSeed(seed), blocks).entries()) {
    const block = before + 1;
    for (const [index, variant] of order.entries()) {
      const position = index + 1;
      const attempt = block === 2 && position === 3 ? 2 : 1;
      slots.push(slot({ id: `block-${block}-${position}`, role: 'measured', block, position, variant, attempt }));
    }
  }
  for (const variant of ['before', 'after'] as const) {
    for (const percent of sweep ? [25, 50, 75, 100, 125] : []) {
      slots.push(slot({ id: `sweep-${percent}-${variant}`, role: 'sweep', variant, offered: (rate * percent) / 100 }));
    }
    if (closed) slots.push(slot({ id: `closed-${variant}`, role: 'closed', variant, offered: 1000 }));
  }
  return slots;
}

function slotGuards(): GuardOutcome[] {
  return [
    { guard: 'achieved-rate', held: true, observed: '99.9 % of 148 reads/s', limit: 'at least 99 %' },
    { guard: 'dropped-iterations', held: true, observed: '0', limit: '0' },
    { guard: 'generator-cpu', held: true, observed: '11 % of a core', limit: 'at most 80 % of a core' },
    { guard: 'http-errors', held: true, observed: '0', limit: '0' },
    { guard: 'wrong-bodies', held: true, observed: '0', limit: '0' },
    { guard: 'foreign-cpu', held: true, observed: '1.8 % of the machine', limit: 'at most 10 %' },
  ];
}

function slotSamples(slot: Slot, settings: SyntheticOptions, jitter: () => number): Sample[] {
  const before = slot.variant === 'before';
  const offered = slot.role === 'closed' ? rate : slot.offered;
  const reads = Math.round(offered * slot.windowSeconds);
  const share = (settings.databaseCpuPercent[slot.variant] / 100) * (offered / rate) * slot.windowSeconds;
  const cpu = {
    database: share * jitter(),
    service: (before ? 0.16 : 0.07) * (offered / rate) * slot.windowSeconds * jitter(),
    redis_cache: (before ? 0.001 : 0.011) * slot.windowSeconds * jitter(),
    redis_queue: 0.001 * slot.windowSeconds * jitter(),
    generator: 0.11 * slot.windowSeconds * jitter(),
    lab: 0.02 * slot.windowSeconds * jitter(),
    other: 0.035 * slot.windowSeconds * jitter(),
    steal: 0.01 * slot.windowSeconds * jitter(),
  };
  const used = Object.values(cpu).reduce((sum, value) => sum + value, 0);
  const machine = 2 * slot.windowSeconds;
  const misses = before ? 0 : Math.round(reads * 0.12);
  const seconds = Object.fromEntries(Object.entries(cpu).map(([part, value]) => [`${part}_cpu_seconds`, value]));
  const values: Record<string, number> = {
    window_seconds: slot.windowSeconds,
    ...seconds,
    database_cpu_seconds_second_source: cpu.database * 1.004,
    idle_cpu_seconds: machine * 0.997 - used,
    machine_cpu_seconds: machine,
    proc_stat_cpu_seconds: machine * 0.991,
    database_statements: before ? reads + 1 : misses + 1,
    database_shared_buffers: (before ? reads : misses) * 412,
    service_statements: before ? reads + 1 : misses + 1,
    cache_hits: before ? 0 : reads - misses,
    cache_misses: misses,
    cache_negatives: 0,
    cache_bypasses: before ? reads : 0,
    http_requests: reads + 1,
    http_errors: 0,
    redis_cache_commands: before ? 0 : reads + 3 * misses,
    redis_cache_keys: before ? 0 : 214,
    redis_cache_keys_without_ttl: before ? 0 : 8,
    redis_cache_used_bytes: (before ? 0.9 : 1.9) * mebibyte,
    catalogue_keys: 10_040,
    catalogue_bytes: 61 * mebibyte,
    database_resident_bytes: 182 * mebibyte * jitter(),
    service_resident_bytes: (before ? 121 : 118) * mebibyte * jitter(),
    redis_cache_resident_bytes: (before ? 9 : 11) * mebibyte,
    redis_queue_resident_bytes: 9 * mebibyte,
    cpu_pressure_seconds: 0.03 * slot.windowSeconds,
    requests: reads,
    reads,
    response_bytes: reads * 6_400,
    dropped_iterations: 0,
    failed_requests: 0,
    wrong_bodies: 0,
    virtual_user_share: 0.04,
    schedule_lag_median_seconds: 0.0002,
    schedule_lag_largest_seconds: 0.011,
  };
  const unit = (metric: string) => /_(seconds|bytes)/.exec(metric)?.[1] ?? 'count';
  return Object.entries(values).map(([metric, value]) => ({
    slot: slot.id,
    metric,
    value: Number(value.toPrecision(9)),
    unit: unit(metric),
    source: 'invented',
  }));
}

function slotLatencies(slot: Slot, jitter: () => number): LatencyHistogram[] {
  const reads = Math.round((slot.role === 'closed' ? rate : slot.offered) * slot.windowSeconds);
  return (['list', 'detail'] as const).map((route) => {
    const lists = Math.round(reads * 0.8);
    const count = route === 'list' ? lists : reads - lists;
    const scale = (slot.variant === 'before' ? 9_800 : 1_300) * (route === 'list' ? 1 : 0.6) * jitter();
    const buckets = new Map<number, number>();
    for (let rank = 0; rank < count; rank += 1) {
      const uniform = (rank + 0.5) / count;
      const slow = slot.variant === 'after' && uniform > 0.9 ? 6 : 1;
      const microseconds = Number((scale * slow * (1 - uniform) ** -0.35).toPrecision(3));
      buckets.set(microseconds, (buckets.get(microseconds) ?? 0) + 1);
    }
    return { slot: slot.id, route, count, buckets: [...buckets].sort(([a], [b]) => a - b) };
  });
}

function syntheticRun(settings: SyntheticOptions, slots: Slot[], windowSeconds: number): RunRecord {
  const full = settings.blocks >= 10;
  return {
    schemaVersion: 1,
    id: '2026-11-23-performance-cache-invented',
    experiment: {
      id: experiment.id,
      title: experiment.title,
      question: experiment.question,
      claim: {
        ...experiment.claim('postgres'),
        finding:
          'With the look-aside cache PostgreSQL used {after} at {rate} reads/s, where without it it used {before}: {change}.',
      },
      variants: [experiment.variants[0], experiment.variants[1]],
      metrics: [...experiment.metrics('postgres')],
      limits: [...experiment.limits],
    },
    profile: {
      name: full ? 'full' : 'quick',
      cacheTtlSeconds: full ? 10 : 3,
      warmUpSeconds: full ? 10 : 3,
      windowSeconds,
      blocks: settings.blocks,
    },
    database: 'postgres',
    environment: 'processes',
    seed: runSeed(settings.seed),
    startedAt: '2026-11-23T12:00:00.000Z',
    endedAt: '2026-11-23T12:05:31.000Z',
    workload: experiment.workload,
    offeredRatePerSecond: rate,
    calibration: {
      targetDatabaseCpuPercent: 80,
      slots: ['calibration-1', 'calibration-2', 'calibration-3'],
      met: true,
    },
    predictedHitRatio: 0.874,
    slots,
    guards: [
      { guard: 'equal-answers', held: true, observed: '0 of 60 answers differ', limit: '0' },
      { guard: 'commit', held: true, observed: '53c7904', limit: '53c7904' },
    ],
    fingerprint: {
      cpuModel: 'Invented CPU at 2.00 GHz',
      cores: 2,
      memoryBytes: 8 * 2 ** 30,
      kernel: 'Linux 6.1.0',
      hypervisor: 'kvm',
      binaries: ['k6', 'postgres', 'redis-server', 'node'].map((name) => ({
        name,
        version: '1.2.3',
        sha256: 'ab'.repeat(32),
      })),
    },
    provenance: {
      commit: '53c79040f1e2d3c4b5a69788796a5b4c3d2e1f00',
      dirty: false,
      command: 'make bench EXPERIMENT=performance-cache PROFILE=quick',
      loadAverageBefore: 0.21,
      loadAverageAfter: 1.94,
      cpuPressureBefore: 0.004,
      cpuPressureAfter: 0.021,
    },
    files: {},
  };
}
