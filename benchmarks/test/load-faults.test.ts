import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { startLoad } from '../load/k6.ts';
import type { LoadWindow, RunningLoad } from '../load/load.ts';
import { requireTool } from '../toolchain/require-tool.ts';
import { isAlive } from '../probes/process-table.ts';
import { type Answer, startStandInService } from './stand-in-service.ts';

const scenarios = fileURLToPath(new URL('../scenarios/', import.meta.url));
const isDetail = (path: string): boolean => /^\/performances\/\d+$/.test(path);

let k6: string;
let scratch: string;

beforeAll(async () => {
  k6 = (await requireTool('k6')).path;
  scratch = await mkdtemp(join(tmpdir(), 'load-faults-test-'));
}, 300_000);

afterAll(async () => {
  await rm(scratch, { recursive: true });
});

interface Run {
  readonly apiUrl: string;
  readonly variables?: Record<string, string>;
  readonly executable?: string;
  readonly script?: string;
}

function run({
  apiUrl,
  variables,
  executable = k6,
  script = join(scenarios, 'performance-reads.ts'),
}: Run): RunningLoad {
  const all = { SEED: '1', WRITES: 'off', DURATION_SECONDS: '1', RATE: '50', ...variables };
  return startLoad(executable, { script, apiUrl, apiToken: 'secret', variables: all }, scratch);
}

async function windowOf(load: RunningLoad): Promise<LoadWindow> {
  const started = await load.started;
  return await (await load.finished).window(started, new Date(started.getTime() + 60_000));
}

async function windowAgainst(answer: (path: string) => Answer, variables: Record<string, string>): Promise<LoadWindow> {
  await using service = await startStandInService(answer);
  return await windowOf(run({ apiUrl: service.url, variables }));
}

async function executableOf(name: string, text: string): Promise<string> {
  const file = join(scratch, name);
  await writeFile(file, text);
  await chmod(file, 0o755);
  return file;
}

describe.concurrent('what the generator sees', () => {
  it('is dropped iterations and all virtual users busy when the service is too slow', async () => {
    const window = await windowAgainst(() => ({ afterMs: 1500 }), { RATE: '100', DURATION_SECONDS: '2' });
    expect(window.droppedIterations).toBeGreaterThan(10);
    expect(window.reads + window.droppedIterations).toBeGreaterThan(195);
    expect(window.virtualUserShare).toBe(1);
  });

  it('is failed requests when the service answers with an error, and no wrong body on top', async () => {
    const window = await windowAgainst((path) => (isDetail(path) ? { status: 503, body: '' } : {}), {});
    const details = window.latencies.find(({ route }) => route === 'detail')?.count;
    expect(details).toBeGreaterThan(2);
    expect(window.failedRequests).toBe(details);
    expect(window.wrongBodies).toBe(0);
  });

  it('is a wrong body when a page is empty or a detail is of another performance', async () => {
    const wrong = await windowAgainst((path) => ({ body: isDetail(path) ? '{"id":0}' : '{"items":[]}' }), {});
    expect(wrong.failedRequests).toBe(0);
    expect(wrong.wrongBodies).toBe(wrong.requests);
    expect(wrong.requests + wrong.droppedIterations).toBeGreaterThan(45);
  });

  it('is nothing but failed requests when the port refuses', async () => {
    const window = await windowOf(run({ apiUrl: 'http://127.0.0.1:1' }));
    expect(window.failedRequests).toBe(window.requests);
    expect(window.requests + window.droppedIterations).toBeGreaterThan(45);
  });
});

describe.concurrent('the end of k6', () => {
  it('voids the data when it was stopped, and leaves no process', async () => {
    await using service = await startStandInService(() => ({}));
    const load = run({ apiUrl: service.url, variables: { DURATION_SECONDS: '60' } });
    await load.started;
    await sleep(300);
    await load.stop();
    expect(isAlive(load.processId)).toBe(false);
    await expect(load.finished).rejects.toThrow(/k6 ended with 105, which voids its data/);
    expect(service.seen.length).toBeGreaterThan(5);
    await load.stop();
  });

  it('comes also when k6 does not listen to being asked', async () => {
    await using service = await startStandInService(() => ({}));
    const load = run({ apiUrl: service.url, variables: { DURATION_SECONDS: '60' } });
    await load.started;
    process.kill(load.processId, 'SIGSTOP');
    await load.stop();
    expect(isAlive(load.processId)).toBe(false);
    await expect(load.finished).rejects.toThrow('k6 ended with a signal');
  });

  it('comes also when the lab is killed', async () => {
    await using service = await startStandInService(() => ({}));
    const holder = fileURLToPath(new URL('fixtures/load-holder.ts', import.meta.url));
    const script = join(scenarios, 'performance-reads.ts');
    const lab = spawn(process.execPath, [holder, k6, script, service.url, scratch], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = await once(lab.stdout, 'data');
    const processId = Number(said);
    expect(isAlive(processId)).toBe(true);
    lab.kill('SIGKILL');
    await once(lab, 'exit');
    await vi.waitFor(() => expect(isAlive(processId)).toBe(false));
  });

  it('before the start says what k6 said: which variable is wrong', async () => {
    const load = run({ apiUrl: 'http://127.0.0.1:9', variables: { RATE: 'fast' } });
    await expect(load.started).rejects.toThrow('RATE must be a positive number, got \\"fast\\"');
    await expect(load.finished).rejects.toThrow('RATE must be a positive number');
  });

  it('leaves valid data when a threshold was broken, which speaks of the service', async () => {
    await using service = await startStandInService(() => ({}));
    const script = join(scratch, 'threshold.ts');
    const reads = join(scenarios, 'performance-reads.ts');
    await writeFile(
      script,
      `import { options as reads } from '${reads}';
export { default, handleSummary, setup } from '${reads}';
export const options = { ...reads, thresholds: { http_reqs: ['count<1'] } };\n`,
    );
    expect(await windowOf(run({ apiUrl: service.url, script }))).toMatchObject({ requests: service.seen.length });
  });

  it('is an error when the raw file has fewer requests than the summary', async () => {
    const summary =
      '{"metrics":{"http_reqs":{"values":{"count":2}},"http_req_duration":{"values":{"med":1,"p(95)":1}}}}';
    const columns = 'metric_name,timestamp,metric_value,expected_response,method,name';
    const executable = await executableOf(
      'half-a-k6',
      `#!/bin/sh
for option; do case $option in --out=csv=*) file=\${option#--out=csv=};; esac; done
printf '%s\\n' '${columns}' 'http_req_duration,1,1.0,true,GET,list' > "$file"
printf '%s' '${summary}' > "$SUMMARY_FILE"\n`,
    );
    const load = run({ apiUrl: 'http://127.0.0.1:9', executable });
    await expect(load.finished).rejects.toThrow("has 1 requests and k6's summary 2");
  });

  it('is an error at once when there is no k6', () => {
    expect(() => run({ apiUrl: 'http://127.0.0.1:9', executable: join(scratch, 'nothing') })).toThrow(
      'k6 did not start',
    );
  });
});

describe('the sequence of requests', () => {
  async function pathsOf(seed: string): Promise<string[]> {
    await using service = await startStandInService(() => ({}));
    // Ends between two due times, so that it is not left to chance whether the last read is still sent.
    await run({ apiUrl: service.url, variables: { SEED: seed, RATE: '10', DURATION_SECONDS: '1.95' } }).finished;
    return service.seen.map(({ path }) => path).sort();
  }

  it('is the same for a seed, and another for another seed', async () => {
    const [first, again, other] = await Promise.all([pathsOf('11'), pathsOf('11'), pathsOf('12')]);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });
});
