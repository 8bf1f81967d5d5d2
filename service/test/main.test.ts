import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

const main = new URL('../src/main.ts', import.meta.url).pathname;
const token = 'canary-token-b5e2f913';

interface RunningService {
  readonly child: ChildProcess;
  /** Lines of stdout, parsed, as they come. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  readonly stderr: () => string;
  readonly exitStatus: Promise<number | null>;
  /** The first line with this event, waited for. */
  logged(event: string): Promise<Readonly<Record<string, unknown>>>;
}

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ticketing-main-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function run(environment: Readonly<Record<string, string>> = {}): RunningService {
  const child = spawn(process.execPath, [main], {
    cwd: directory,
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      ADMIN_PORT: '0',
      API_TOKEN: token,
      DATABASE_POOL_SIZE: '1',
      ...environment,
    },
  });
  const exitStatus = once(child, 'exit').then(([status]: (number | null)[]) => status ?? null);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exitStatus;
  });
  const log: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const fields: Record<string, unknown> = JSON.parse(line);
    log.push(fields);
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return {
    child,
    log,
    stderr: () => stderr,
    exitStatus,
    logged: (event) =>
      vi.waitFor(
        () => {
          const line = log.find((fields) => fields['event'] === event);
          if (line === undefined) throw new Error(`no line "${event}" yet: ${JSON.stringify(log)} ${stderr}`);
          return line;
        },
        { timeout: 15_000, interval: 10 },
      ),
  };
}

/** A write whose body has not all been sent: it is in flight until `finish` is called. */
async function startWrite(port: number): Promise<{ finish(): Promise<string> }> {
  const body = JSON.stringify({ name: 'Blue Square', city: 'Seoul' });
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  const head = ['POST /venues HTTP/1.1', 'Host: x', `Authorization: Bearer ${token}`, 'Content-Type: application/json'];
  socket.write(`${head.join('\r\n')}\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`);
  // The server has the request's head when it says so.
  await vi.waitFor(() => {
    if (!answer.startsWith('HTTP/1.1 100')) throw new Error('not in flight yet');
  });
  socket.write(body.slice(0, 5));
  return {
    async finish() {
      socket.write(body.slice(5));
      await once(socket, 'close');
      return answer;
    },
  };
}

describe('the process', () => {
  it('listens where it says, with the commit that was asked from git', async () => {
    const service = run();
    const { apiPort, adminPort, commit } = await service.logged('listening');
    const version = await fetch(`http://127.0.0.1:${String(apiPort)}/version`);
    expect(await version.json()).toMatchObject({ commit, database: 'sqlite', performanceCache: 'off' });
    expect(commit).toMatch(/^[0-9a-f]{40}$/);
    expect((await fetch(`http://127.0.0.1:${String(adminPort)}/readyz`)).status).toBe(200);
  });

  it('ends with 78 before it listens when the configuration is bad, and names each variable', async () => {
    const service = run({ PERFORMANCE_CACHE: 'maybe', PORT: 'x', API_TOKEN: 'canary' });
    expect(await service.exitStatus).toBe(78);
    expect(service.stderr()).toContain('PERFORMANCE_CACHE must be one of off, look-aside, got "maybe"');
    expect(service.stderr()).toContain('PORT must be');
    expect(service.stderr()).not.toContain('canary');
    expect(service.log).toEqual([]);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('finishes what is in flight after %s, then exits with 0', async (signal) => {
    const service = run();
    const { apiPort, adminPort } = await service.logged('listening');
    const write = await startWrite(Number(apiPort));
    service.child.kill(signal);
    await service.logged('stopping');
    const readiness = await fetch(`http://127.0.0.1:${String(adminPort)}/readyz`);
    expect([readiness.status, await readiness.json()]).toMatchObject([503, { phase: 'stopping' }]);
    await expect(fetch(`http://127.0.0.1:${String(apiPort)}/version`)).rejects.toThrow('fetch failed');
    const answer = await write.finish();
    expect(answer).toContain('HTTP/1.1 201 Created');
    expect(await service.exitStatus).toBe(0);
    expect(service.log.at(-1)).toMatchObject({ event: 'stopped' });
  });

  it('takes requests for as long as it is told to after SIGTERM, not ready any more, then exits with 0', async () => {
    const service = run({ SHUTDOWN_DRAIN_MS: '1000', SHUTDOWN_GRACE_MS: '500' });
    const { apiPort, adminPort } = await service.logged('listening');
    service.child.kill('SIGTERM');
    await service.logged('stopping');
    expect((await fetch(`http://127.0.0.1:${String(adminPort)}/readyz`)).status).toBe(503);
    expect((await fetch(`http://127.0.0.1:${String(apiPort)}/version`)).status).toBe(200);
    expect(await service.exitStatus).toBe(0);
  });

  it('does not wait for a connection that has sent nothing', async () => {
    const service = run();
    const { apiPort } = await service.logged('listening');
    const silent = connect(Number(apiPort), '127.0.0.1').resume();
    await once(silent, 'connect');
    // One that is answered after it was accepted: the silent one is in the server's hands as well.
    await fetch(`http://127.0.0.1:${String(apiPort)}/version`);
    service.child.kill('SIGTERM');
    expect(await service.exitStatus).toBe(0);
    expect(service.log.at(-1)).toMatchObject({ event: 'stopped' });
  });

  it('gives a half-sent request the time that every request has, and no more', async () => {
    const service = run({ REQUEST_TIMEOUT_MS: '300' });
    const { apiPort } = await service.logged('listening');
    const halfSent = connect(Number(apiPort), '127.0.0.1').resume();
    halfSent.write('GET /version HTTP/1.1\r\n');
    await fetch(`http://127.0.0.1:${String(apiPort)}/version`);
    service.child.kill('SIGTERM');
    expect(await service.exitStatus).toBe(0);
  });

  it('exits with 1 when the grace is over and something is still in flight', async () => {
    const service = run({ SHUTDOWN_GRACE_MS: '100' });
    const { apiPort } = await service.logged('listening');
    await startWrite(Number(apiPort));
    service.child.kill('SIGTERM');
    expect(await service.exitStatus).toBe(1);
    expect(service.log.at(-1)).toMatchObject({ level: 'fatal', event: 'shutdown-grace-over', graceMs: 100 });
  });

  it('exits with 1 at once at the second signal', async () => {
    const service = run({ SHUTDOWN_GRACE_MS: '600000' });
    const { apiPort } = await service.logged('listening');
    await startWrite(Number(apiPort));
    service.child.kill('SIGTERM');
    await service.logged('stopping');
    service.child.kill('SIGTERM');
    expect(await service.exitStatus).toBe(1);
    expect(service.log.at(-1)).toMatchObject({ event: 'stopped-by-second-signal' });
  });

  it('says so, without the password, when the database is down at boot', async () => {
    const service = run({ DATABASE_URL: 'postgres://lab:canary-password@127.0.0.1:9/ticketing' });
    expect(await service.exitStatus).toBe(1);
    const line = await service.logged('start-failed');
    expect(line['err']).toMatchObject({
      message: expect.stringMatching(/^the postgres database can't be used \(DATABASE_URL\): /),
    });
    expect(JSON.stringify(service.log)).not.toContain('canary');
  });

  it('names the variable when a port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const address = taken.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const service = run({ PORT: port });
    expect(await service.exitStatus).toBe(1);
    expect((await service.logged('start-failed'))['err']).toMatchObject({
      message: expect.stringContaining(`PORT: can't listen on 127.0.0.1:${port}: listen EADDRINUSE`),
    });
  });

  it('takes secrets from files, and shows them in no log line and no metric', async () => {
    const file = join(directory, 'token');
    writeFileSync(file, `${token}\n`);
    const service = run({ API_TOKEN: '', API_TOKEN_FILE: file, LOG_LEVEL: 'trace' });
    const { apiPort, adminPort } = await service.logged('listening');
    for (const [path, given] of [
      ['/venues', token],
      ['/venues', `${token}x`],
      [`/venues?token=${token}`, token],
      [`/${token}`, token],
    ] as const) {
      await fetch(`http://127.0.0.1:${String(apiPort)}${path}`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${given}`, 'Content-Type': 'application/json', 'X-Request-Id': token },
        body: JSON.stringify({ name: token, city: token }),
      });
    }
    const metrics = await (await fetch(`http://127.0.0.1:${String(adminPort)}/metrics`)).text();
    service.child.kill('SIGTERM');
    expect(await service.exitStatus).toBe(0);
    expect(service.log.filter(({ event }) => event === 'request')).toHaveLength(4);
    expect(JSON.stringify(service.log) + service.stderr() + metrics).not.toContain('canary');
  });
});
