import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { bucketOf, bucketsOf } from '../load/latency-buckets.ts';
import { loadWindow } from '../load/load-window.ts';
import { readRawSamples } from '../load/raw-samples.ts';

const header = 'metric_name,timestamp,metric_value,expected_response,method,name,status,extra_tags,metadata';
const origin = Date.parse('2026-11-23T12:00:00Z');
const at = (seconds: number): Date => new Date(origin + 1000 * seconds);
const microseconds = (seconds: number): string => String(1000 * origin + Math.round(1e6 * seconds));

const read = (endSeconds: number, milliseconds: number, route = 'list'): string =>
  `http_req_duration,${microseconds(endSeconds)},${milliseconds.toFixed(6)},true,GET,${route},200,,`;
const failure = (endSeconds: number): string =>
  `http_req_duration,${microseconds(endSeconds)},0.000000,false,GET,list,0,,`;
const write = (endSeconds: number): string =>
  `http_req_duration,${microseconds(endSeconds)},3.000000,true,PATCH,write,200,,`;
const value = (metric: string, seconds: number, amount: number): string =>
  `${metric},${microseconds(seconds)},${amount.toFixed(6)},,,,,,`;

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'raw-samples-test-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

async function fileOf(text: string): Promise<string> {
  const file = join(directory, `${createHash('sha256').update(text).digest('hex')}.csv`);
  await writeFile(file, text);
  return file;
}

const csv = (...rows: readonly string[]): Promise<string> => fileOf(`${[header, ...rows].join('\n')}\n`);

async function windowOf(fromSeconds: number, toSeconds: number, ...rows: readonly string[]) {
  const file = await csv(value('vus_max', 0, 10), value('schedule_lag', fromSeconds, 0), ...rows);
  return loadWindow(await readRawSamples(file), at(fromSeconds), at(toSeconds));
}

describe('raw samples', () => {
  it('are an error when the last line is cut', async () => {
    const whole = [header, read(1, 5), read(2, 5)].join('\n');
    await expect(readRawSamples(await fileOf(`${whole}\n`))).resolves.toMatchObject({ requests: { length: 2 } });
    await expect(readRawSamples(await fileOf(whole))).rejects.toThrow('ends in the middle of a line');
  });

  it('are an error when a line lacks a column or has no number', async () => {
    await expect(readRawSamples(await csv('http_req_duration,1,2'))).rejects.toThrow('line 2: not a row of 9');
    await expect(readRawSamples(await csv(read(1, 5), 'vus_max,x,2,,,,,,'))).rejects.toThrow('line 3: not a row of 9');
  });

  it('are an error when the script dropped a system tag that is needed, or k6 wrote nothing', async () => {
    const text = `${header.replace('name,status', 'status')}\n`;
    await expect(readRawSamples(await fileOf(text))).rejects.toThrow('has no column name');
    await expect(readRawSamples(await fileOf(''))).rejects.toThrow('is empty');
  });

  it('come with the digest of their file', async () => {
    const text = `${header}\n${read(1, 5)}\n`;
    const { sha256 } = await readRawSamples(await fileOf(text));
    expect(sha256).toBe(createHash('sha256').update(text).digest('hex'));
  });

  it('are read at 100,000 rows a second and more', async () => {
    const rowsOfRequest = [read(1, 5), value('iterations', 1, 1), value('schedule_lag', 1, 1)];
    const rows = Array.from({ length: 100_000 }, () => rowsOfRequest).flat();
    const file = await fileOf(`${header}\n${rows.join('\n')}\n`);
    const start = performance.now();
    await readRawSamples(file);
    expect(rows.length / ((performance.now() - start) / 1000)).toBeGreaterThan(100_000);
  });
});

describe('a window', () => {
  it('has the requests whose answers were complete in it, whenever they began', async () => {
    const window = await windowOf(1, 2, read(0.999, 5), read(1, 500), read(1.999_999, 5), read(2, 900));
    expect(window).toMatchObject({ requests: 2, reads: 2 });
    expect(window.latencies).toEqual([
      {
        route: 'list',
        count: 2,
        buckets: [
          [5000, 1],
          [500_000, 1],
        ],
      },
    ]);
  });

  it('tells reads from writes, and counts failures, wrong bodies, drops and bytes', async () => {
    const window = await windowOf(
      0,
      10,
      read(1, 5),
      write(2),
      failure(3),
      value('wrong_body', 4, 1),
      value('dropped_iterations', 5, 2),
      value('dropped_iterations', 11, 7),
      value('data_received', 6, 1234),
    );
    expect(window).toMatchObject({
      requests: 3,
      reads: 2,
      failedRequests: 1,
      failedReads: 1,
      wrongBodies: 1,
      droppedIterations: 2,
      responseBytes: 1234,
    });
    expect(window.latencies.map(({ route, count }) => [route, count])).toEqual([
      ['list', 2],
      ['write', 1],
    ]);
  });

  it('knows the most requests under way at one moment in it', async () => {
    // From 1.0 to 1.4, 1.2 to 1.6, 1.3 to 1.7, and 1.6 to 1.9: three at 1.35.
    const requests = [read(1.4, 400), read(1.6, 400), read(1.7, 400), read(1.9, 300)];
    expect((await windowOf(1, 2, ...requests)).virtualUserShare).toBeCloseTo(0.3, 12);
    expect((await windowOf(1.65, 2, ...requests)).virtualUserShare).toBeCloseTo(0.2, 12);
  });

  it('has the median and the largest lag, in seconds', async () => {
    const lags = [3, 1, 40].map((lag, index) => value('schedule_lag', 1 + index / 10, lag));
    expect((await windowOf(0.5, 2, ...lags)).scheduleLagSeconds).toEqual({ median: 0.002, largest: 0.04 });
  });

  it('is an error when it is not known how many virtual users there were', async () => {
    const raw = await readRawSamples(await csv(value('schedule_lag', 1, 0)));
    expect(() => loadWindow(raw, at(0), at(2))).toThrow('vus_max');
  });
});

describe('latency buckets', () => {
  it('keep three significant digits', () => {
    expect([0, 7, 999, 1000, 1004, 1005, 9994, 9999, 123_456, 10_049_999].map(bucketOf)).toEqual([
      0, 7, 999, 1000, 1000, 1010, 9990, 10_000, 123_000, 10_000_000,
    ]);
  });

  it('are at most half a percent off, and whole numbers', () => {
    for (let latency = 1; latency < 1e8; latency = Math.ceil(latency * 1.0137)) {
      expect(Math.abs(bucketOf(latency) / latency - 1)).toBeLessThanOrEqual(0.005);
      expect(Number.isInteger(bucketOf(latency))).toBe(true);
    }
  });

  it('are ascending and lose no request', () => {
    expect(bucketsOf([2000, 10, 2001, 10])).toEqual([
      [10, 2],
      [2000, 2],
    ]);
  });
});
