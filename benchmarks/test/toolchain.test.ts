import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { installCommand } from '../toolchain/installations.ts';
import { verifyChecksum } from '../toolchain/k6.ts';
import { isOlder, searchTool } from '../toolchain/locate-tool.ts';
import { requireTool, ToolMissingError } from '../toolchain/require-tool.ts';
import { setUpTools } from '../toolchain/set-up-tools.ts';
import { toolOrSkip } from '../toolchain/tool-or-skip.ts';

let scratch: string;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'toolchain-test-'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(scratch, { recursive: true });
});

/** A program that prints `output`, in a folder of its own. @returns the folder */
async function folderWith(program: string, folder: string, output: string): Promise<string> {
  const path = join(scratch, folder);
  await mkdir(path);
  await writeFile(join(path, program), `#!/bin/sh\necho '${output}'\n`);
  await chmod(join(path, program), 0o755);
  return path;
}

describe('searching for a tool', () => {
  it('takes the first on the PATH that is new enough, and says what it passed over', async () => {
    const old = await folderWith('redis-server', 'old', 'Redis server v=6.2.14 sha=00000000:0');
    const recent = await folderWith('redis-server', 'recent', 'Redis server v=7.4.1 sha=00000000:0');
    vi.stubEnv('PATH', [old, recent].join(delimiter));

    const { tool, passedOver } = await searchTool('redis-server');

    expect(tool).toEqual({
      name: 'redis-server',
      version: '7.4.1',
      path: join(recent, 'redis-server'),
      origin: 'PATH',
      environment: {},
    });
    expect(passedOver).toEqual([`${join(old, 'redis-server')} is 6.2.14, 7.0 or later is needed`]);
  });

  it('passes over a program that does not start', async () => {
    const broken = await folderWith('cc', 'broken', '');
    await writeFile(join(broken, 'cc'), '#!/nonexistent/interpreter\n');
    vi.stubEnv('PATH', broken);

    expect(await searchTool('cc')).toEqual({
      tool: undefined,
      passedOver: [`${join(broken, 'cc')} does not tell its version`],
    });
  });

  it('reads the version of a tool whose own status says that it failed', async () => {
    const folder = await folderWith('wrk', 'wrk', '');
    await writeFile(
      join(folder, 'wrk'),
      '#!/bin/sh\necho "wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012"\nexit 1\n',
    );
    vi.stubEnv('PATH', folder);

    expect((await searchTool('wrk')).tool?.version).toBe('4.1.0');
  });

  it("prefers npm's PostgreSQL to one on the PATH, because the version changes results", async () => {
    vi.stubEnv('PATH', await folderWith('postgres', 'newer', 'postgres (PostgreSQL) 19.1'));

    expect((await searchTool('postgres')).tool).toMatchObject({
      version: '18.4',
      origin: expect.stringMatching(/^npm /),
    });
  });

  it.each([
    ['7.0.15', '7.0', false],
    ['6.9.99', '7.0', true],
    ['10.0', '9.9', false],
    ['1.8', '1.8.0', false],
  ])('%s is older than %s: %s', (version, than, expected) => {
    expect(isOlder(version, than)).toBe(expected);
  });
});

describe('requiring a tool', () => {
  it('ends with the one command to run when nothing here can install it', async () => {
    const old = await folderWith('cc', 'old', '3.4.6');
    vi.stubEnv('PATH', old);
    const steps: string[] = [];

    const error = await requireTool('cc', (step) => steps.push(step)).catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(ToolMissingError);
    const lines = String(error).split('\n');
    expect(lines[0]).toContain('cc 4 or later is needed');
    expect(lines).toContain(`Passed over: ${join(old, 'cc')} is 3.4.6, 4 or later is needed.`);
    expect(lines.at(-1)).toMatch(/^ {2}sudo apt-get install -y gcc/);
    expect(steps).toEqual([`cc: passed over ${join(old, 'cc')} is 3.4.6, 4 or later is needed`]);
  });
});

describe('a tool without which something is left out', () => {
  it('is named in one line, with what is left out and the remedy, where it can not be had', async () => {
    vi.stubEnv('REQUIRE_ALL', '');
    vi.stubEnv('PATH', await folderWith('cc', 'old', '3.4.6'));
    const said: string[] = [];

    const tool = await toolOrSkip('cc', { leftOut: 'the power cut', say: (line) => said.push(line) });

    expect(tool).toBeUndefined();
    expect(said).toEqual([
      expect.stringMatching(/^SKIPPED {2}the power cut: cc 4 or later .* sudo apt-get install -y gcc libc6-dev$/),
    ]);
  });

  it('is an error with REQUIRE_ALL=1', async () => {
    vi.stubEnv('REQUIRE_ALL', '1');
    vi.stubEnv('PATH', await folderWith('cc', 'old', '3.4.6'));
    const said: string[] = [];
    const asked = toolOrSkip('cc', { leftOut: 'the power cut', say: (line) => said.push(line) });
    await expect(asked).rejects.toBeInstanceOf(ToolMissingError);
    expect(said).toEqual([]);
  });

  it('is taken without a word where the machine has it', async () => {
    vi.stubEnv('PATH', await folderWith('cc', 'recent', '12.2.0'));
    const said: string[] = [];
    const tool = await toolOrSkip('cc', { leftOut: 'the power cut', say: (line) => said.push(line) });
    expect(tool?.version).toBe('12.2.0');
    expect(said).toEqual([]);
  });
});

describe('the one command to run', () => {
  it.each([
    ['apt-get', 'sudo apt-get install -y gcc libc6-dev wrk'],
    ['dnf', 'sudo dnf install -y gcc wrk'],
    ['brew', 'brew install gcc wrk'],
  ])('installs all that are missing at once, with %s where that is there', async (manager, command) => {
    vi.stubEnv('PATH', await folderWith(manager, 'bin', '1.0'));
    expect(await installCommand(['cc', 'wrk'])).toBe(command);
  });

  it('builds with Go what the package manager does not have', async () => {
    vi.stubEnv('PATH', await folderWith('dnf', 'bin', '1.0'));
    expect(await installCommand(['cc', 'amtool'])).toMatch(
      /^sudo dnf install -y gcc && GOBIN="\$PWD\/\.tools\/bin" go install -ldflags='-X [^']+' [\w./]+\/amtool@v[\d.]+$/,
    );
  });

  it('is no command where there is none: the tool has to come onto the PATH', () => {
    expect(new ToolMissingError(['promtool'], ['promtool is not on this machine.'], '').message).toBe(
      'promtool is not on this machine.\nPut promtool on the PATH, then run the same command again.',
    );
  });

  it('stands at the end when a set-up could not be completed', async () => {
    vi.stubEnv('PATH', await folderWith('cc', 'old', '3.4.6'));
    const error = await setUpTools(['cc'], { write: () => true }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ToolMissingError);
    expect(String(error).split('\n').at(-1)).toBe('  sudo apt-get install -y gcc libc6-dev');
  });
});

describe('the checksum of a download', () => {
  const archive = Buffer.from('an archive');
  const sha256 = createHash('sha256').update(archive).digest('hex');
  const checksums = `${'0'.repeat(64)}  k6-v1.8.1-linux-arm64.tar.gz\n${sha256}  k6-v1.8.1-linux-amd64.tar.gz\n`;

  it('is accepted when it is the published one', () => {
    expect(() => verifyChecksum('k6-v1.8.1-linux-amd64.tar.gz', archive, checksums)).not.toThrow();
  });

  it('is refused when one byte differs', () => {
    expect(() => verifyChecksum('k6-v1.8.1-linux-amd64.tar.gz', Buffer.from('an archivf'), checksums)).toThrow(
      `its release says ${sha256}: it was not installed`,
    );
  });

  it('is refused when nothing is published for the file', () => {
    expect(() => verifyChecksum('k6-v1.8.1-windows-amd64.zip', archive, checksums)).toThrow('do not list');
  });
});
