import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { bench } from '../bench.ts';
import { main } from '../cli.ts';
import { type PreparedContainers, prepareContainers } from '../environments/container-stacks.ts';
import { createContainersEnvironment } from '../environments/containers.ts';
import type { RunFrame } from '../evidence/schema.ts';
import { markdownReport } from '../report/markdown-report.ts';
import { composeDocument } from '../report/render-report.ts';
import { runIndexMarkdown } from '../report/run-index.ts';
import { syntheticEvidence } from './synthetic-evidence.ts';

const record: NonNullable<RunFrame['containers']> = {
  engineVersion: '28.5.1',
  images: [{ part: 'redis', reference: 'redis:7.4.6-alpine', id: `sha256:${'ab'.repeat(32)}` }],
};
const prepared: PreparedContainers = {
  serviceImage: { tag: 'ticketing-service:0123456789ab', commit: 'a1' },
  images: {},
  record,
};

describe('an experiment in containers', () => {
  let empty: string;

  beforeEach(async () => {
    empty = await mkdtemp(join(tmpdir(), 'containers-test-'));
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(empty, { recursive: true });
  });

  it('says what is missing on a machine without pulumi, and how to install it', async () => {
    vi.stubEnv('PATH', empty);
    await expect(prepareContainers({}, () => undefined)).rejects.toThrow(
      /pulumi is not on the PATH\. Install it:\n {2}(brew|curl)/,
    );
  });

  it('is refused where the faults are done to processes', async () => {
    const request = {
      profile: 'quick',
      database: 'postgres',
      environment: 'containers',
      requireAll: false,
      output: { write: () => undefined },
      signal: new AbortController().signal,
    } as const;
    await expect(bench('cache-outage', request)).rejects.toThrow(
      'the faults of cache-outage are done to processes: run it without ENVIRONMENT=containers',
    );
  });

  it.each([
    ['SQLite', { database: 'sqlite', sources: undefined }, 'ENVIRONMENT=processes, or DATABASE=postgres'],
    [
      'another work tree',
      { database: 'postgres', sources: '/elsewhere' },
      'compare commits with ENVIRONMENT=processes',
    ],
  ] as const)('is refused with %s, before anything is started', async (_what, { database, sources }, words) => {
    vi.stubEnv('PATH', empty);
    const environment = createContainersEnvironment({ prepared });
    const up = environment.up({
      database,
      variants: [{ id: 'before', configuration: {}, sources }],
      seed: { performances: 1, randomSeed: 1, relativeTo: '2026-11-23T00:00:00.000Z' },
      onStep: () => undefined,
    });
    await expect(up).rejects.toThrow(words);
    await environment.down();
  });

  it('takes images for the parts that a variant has, and no others', async () => {
    let complained = '';
    const io = {
      stdout: { write: () => undefined },
      stderr: { write: (text: string) => (complained += text) },
      signal: new AbortController().signal,
    };
    expect(await main(['run', '--environment', 'containers', '--image', 'grafana=x'], io)).toBe(64);
    expect(complained).toContain('It must be redis=… or postgres=….');
  });
});

describe('the report of a run in containers', () => {
  const processes = syntheticEvidence();
  const containers = {
    ...processes,
    run: { ...processes.run, id: 'in-containers', environment: 'containers' as const, containers: record },
  };

  it('names the engine and every image, which the report of processes has not', () => {
    const words = [
      '| container engine | Docker 28.5.1 |',
      `| redis | redis:7.4.6-alpine | sha256:${'ab'.repeat(32)} |`,
    ];
    const text = markdownReport(composeDocument(containers));
    for (const word of words) expect(text).toContain(word);
    expect(markdownReport(composeDocument(processes))).not.toMatch(/container engine|Every image/);
  });

  it('takes the place of no run as processes in the index', () => {
    const index = runIndexMarkdown([processes, containers]);
    expect(index).not.toContain('Earlier runs');
    expect(index).toContain('PostgreSQL, containers, ');
  });
});
