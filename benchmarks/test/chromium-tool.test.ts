import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { installations, installCommand } from '../toolchain/installations.ts';
import { searchTool } from '../toolchain/locate-tool.ts';

let scratch: string;
let bin: string;

beforeEach(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'chromium-tool-test-'));
  bin = path.join(scratch, 'bin');
  await mkdir(bin);
  vi.stubEnv('PATH', bin);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(scratch, { recursive: true });
});

async function program(name: string, lines: string): Promise<void> {
  await writeFile(path.join(bin, name), `#!/bin/sh\n${lines}\n`);
  await chmod(path.join(bin, name), 0o755);
}

describe('Chromium', () => {
  it.each([
    ['chromium', 'Chromium 156.0.8078.79 built on Debian GNU/Linux 12', '156.0.8078.79'],
    ['google-chrome', 'Google Chrome 141.0.7390.54', '141.0.7390.54'],
  ])('is %s on the PATH', async (name, output, version) => {
    await program(name, `echo '${output}'`);
    expect((await searchTool('chromium')).tool).toMatchObject({ version, path: path.join(bin, name), origin: 'PATH' });
  });

  it('is passed over when it is too old for the pages', async () => {
    await program('chromium', "echo 'Chromium 90.0.4430.212'");
    expect((await searchTool('chromium')).passedOver).toEqual([
      `${path.join(bin, 'chromium')} is 90.0.4430.212, 117 or later is needed`,
    ]);
  });

  it.each([
    ['apt-get', 'sudo apt-get install -y chromium'],
    ['dnf', 'sudo dnf install -y chromium'],
    ['brew', 'brew install google-chrome'],
  ])('is got by one command, with %s', async (manager, command) => {
    await program(manager, '');
    expect(await installCommand(['chromium'])).toBe(command);
  });
});

describe("installing Debian's package", () => {
  /** An apt-get that knows the package once its lists have been read, unless `gone`. */
  async function aptGet(gone = false): Promise<() => Promise<string[]>> {
    const [log, lists] = [path.join(scratch, 'log'), path.join(scratch, 'lists')];
    await program('sudo', 'shift; exec "$@"');
    await program(
      'apt-get',
      `echo "$*" >> ${log}
if [ "$1" = update ]; then ${gone ? ':' : `: > ${lists}`}; exit 0; fi
if [ ! -e ${lists} ]; then echo 'E: Unable to locate package chromium' >&2; exit 100; fi`,
    );
    return async () => (await readFile(log, 'utf8')).trimEnd().split('\n');
  }
  const install = async () => installations.chromium[0]?.run(() => {});

  it('reads the lists of packages first where the machine has none', async () => {
    const asked = await aptGet();
    await install();
    expect(await asked()).toEqual(['install -y chromium', 'update', 'install -y chromium']);
  });

  it('asks for no lists where it goes without', async () => {
    const asked = await aptGet();
    await writeFile(path.join(scratch, 'lists'), '');
    await install();
    expect(await asked()).toEqual(['install -y chromium']);
  });

  it('says what apt-get said when that does not help', async () => {
    await aptGet(true);
    await expect(install()).rejects.toThrow('Unable to locate package chromium');
  });
});
