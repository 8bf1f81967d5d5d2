import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

import type { RunRecord } from './schema.ts';

type Fingerprint = RunRecord['fingerprint'];

export interface Binary {
  readonly name: string;
  readonly version: string;
  readonly path: string;
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function hypervisor(): Promise<string> {
  const cpuInfo = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  if (!/^flags.*\bhypervisor\b/m.test(cpuInfo)) return 'none seen';
  return (await readFile('/sys/class/dmi/id/sys_vendor', 'utf8').catch(() => 'unnamed')).trim();
}

/** The machine and every binary that takes part. Evidence is pooled only within one fingerprint. */
export async function takeFingerprint(binaries: readonly Binary[]): Promise<Fingerprint> {
  return {
    cpuModel: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    hypervisor: await hypervisor(),
    binaries: await Promise.all(
      binaries.map(async ({ name, version, path }) => ({ name, version, sha256: await sha256OfFile(path) })),
    ),
  };
}

/** The commit that `HEAD` names, and whether the work tree differs from it (committed reports aside). */
export async function readCommit(): Promise<{ commit: string; dirty: boolean }> {
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)('git', args, { cwd: import.meta.dirname })).stdout.trim();
  return {
    commit: await git('rev-parse', 'HEAD'),
    dirty: (await git('status', '--porcelain', '--', ':/', ':!/reports')) !== '',
  };
}

/** Load average of one minute, and the share of the last ten seconds in which something waited for a CPU. */
export interface MachineLoad {
  readonly loadAverage: number;
  /** `undefined` on a kernel without pressure stall information. */
  readonly cpuPressure: number | undefined;
}

export async function readMachineLoad(): Promise<MachineLoad> {
  const pressure = await readFile('/proc/pressure/cpu', 'utf8').catch(() => '');
  const some = /^some avg10=([\d.]+)/m.exec(pressure)?.[1];
  return { loadAverage: loadavg()[0] ?? 0, cpuPressure: some === undefined ? undefined : Number(some) / 100 };
}
