import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSupervisedProcess, waitUntilReady } from '../environments/supervised-process.ts';
import { type CutFiles, preparePowerCuts, type PowerCuts } from '../faults/power-cut.ts';
import { killTree } from '../faults/process-tree.ts';
import { findStrace } from './find-strace.ts';

const writer = fileURLToPath(new URL('fixtures/file-writer.ts', import.meta.url));
const strace = await findStrace();

let scratch: string;
let cuts: PowerCuts;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'synced-size-test-'));
  cuts = await preparePowerCuts(scratch);
});

afterAll(async () => {
  await rm(scratch, { recursive: true });
});

interface Outcome extends CutFiles {
  /** By name, after the cut. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly log: string;
}

/** What a power cut leaves of files to which a process did this, run by strace with these of its options. */
async function cutAfter(steps: readonly string[], straceOptions?: readonly string[]): Promise<Outcome> {
  const directory = await mkdtemp(join(scratch, 'files-'));
  const files = join(directory, 'appendonlydir');
  await mkdir(files);
  const [command = '', ...args] = [...traced(straceOptions), process.execPath, writer, ...steps];
  const supervised = await startSupervisedProcess({
    name: 'file-writer',
    command,
    args,
    environment: { ...process.env, ...(!straceOptions && cuts.environment) },
    directory: files,
    logFile: join(directory, 'log'),
    stopSignal: 'SIGKILL',
    stopTimeoutMs: 1000,
  });
  const kill = (): Promise<void> => killTree(supervised.processId);
  try {
    const log = await waitUntilReady(supervised, async () => {
      const said = await supervised.log();
      return said.includes('done by') ? said : undefined;
    });
    const processId = Number(/done by (\d+)/.exec(log)?.[1]);
    const cut = await cuts.cut({ name: 'file-writer', processId, directory, kill });
    return { ...cut, log, sizes: await sizesOf(files) };
  } finally {
    await kill();
  }
}

/** strace itself is not to be recorded. */
function traced(options: readonly string[] | undefined): readonly string[] {
  if (!options || strace === undefined) return [];
  const environment = Object.entries(cuts.environment).map(([name, value]) => `--env=${name}=${value}`);
  return [strace, '--follow-forks', '--output=/dev/null', ...options, ...environment];
}

async function sizesOf(directory: string): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const name of await readdir(directory)) sizes[name] = (await stat(join(directory, name))).size;
  return sizes;
}

describe('after a power cut there is', () => {
  it('what was written before the last sync', async () => {
    const { sizes, keptBytes, cutBytes } = await cutAfter([
      'write:data:100',
      'fdatasync:data',
      'write:data:40',
      'fdatasync:data',
      'write:data:7',
      'write:whole:30',
      'fsync:whole',
    ]);
    expect(sizes).toStrictEqual({ data: 140, whole: 30 });
    expect({ keptBytes, cutBytes }).toStrictEqual({ keptBytes: 170, cutBytes: 7 });
  });

  it('nothing of what was never synced', async () => {
    const { sizes, cutBytes } = await cutAfter(['write:data:100', 'write:other:50', 'fdatasync:other']);
    expect(sizes).toStrictEqual({ data: 0, other: 50 });
    expect(cutBytes).toBe(100);
  });

  it('a file under its new name', async () => {
    const { sizes } = await cutAfter(['write:temp:100', 'fsync:temp', 'rename:temp:final', 'write:temp:7']);
    expect(sizes).toStrictEqual({ final: 100 });
  });

  it.each(['ftruncate', 'truncate'])('nothing that was written after %s and not synced', async (action) => {
    const { sizes } = await cutAfter(['write:data:100', 'fdatasync:data', `${action}:data:60`, 'write:data:20']);
    expect(sizes).toStrictEqual({ data: 60 });
  });

  it('nothing of a new file that has the inode of an old one', async ({ skip }) => {
    const { sizes, log } = await cutAfter(['write:data:100', 'fdatasync:data', 'replace:data', 'write:data:60']);
    if (log.includes('no inode was used again')) skip(`the file system of ${scratch} uses no inode again`);
    expect(sizes).toStrictEqual({ data: 0 });
  });
});

describe.skipIf(strace === undefined)('a sync', () => {
  it('does not cover what is written while it runs', async () => {
    const { sizes, log } = await cutAfter(
      ['write:data:100', 'write-during-fdatasync:data:50'],
      ['--trace=fdatasync', '--inject=fdatasync:delay_enter=400ms'],
    );
    expect(log).toContain('150 bytes when it had been synced');
    expect(sizes).toStrictEqual({ data: 100 });
  });

  it('that failed covers nothing', async () => {
    const { sizes, log } = await cutAfter(
      ['write:data:100', 'fdatasync:data', 'write:data:50', 'fdatasync:data'],
      ['--trace=fdatasync', '--inject=fdatasync:error=EIO:when=2+'],
    );
    expect(log).toContain('fdatasync:data failed: EIO');
    expect(sizes).toStrictEqual({ data: 100 });
  });
});

describe('a process', () => {
  it('that records nothing is left alone', async () => {
    const directory = await mkdtemp(join(scratch, 'files-'));
    let isKilled = false;
    const kill = (): Promise<void> => {
      isKilled = true;
      return Promise.resolve();
    };
    await expect(cuts.cut({ name: 'redis-queue', processId: process.pid, directory, kill })).rejects.toThrow(
      'redis-queue does not record what it syncs: start it with the environment of its power cuts',
    );
    expect(isKilled).toBe(false);
  });

  it.each([
    ['SYNCED_SIZE_TABLE is not set', { SYNCED_SIZE_TABLE: undefined }],
    ["the file of SYNCED_SIZE_TABLE can't be opened", { SYNCED_SIZE_TABLE: '/nowhere' }],
  ])('does not start when %s', async (reason, missing) => {
    const supervised = await startSupervisedProcess({
      name: 'true',
      command: 'true',
      args: [],
      environment: { ...process.env, ...cuts.environment, ...missing },
      directory: scratch,
      logFile: join(await mkdtemp(join(scratch, 'log-')), 'log'),
      stopSignal: 'SIGKILL',
      stopTimeoutMs: 1000,
    });
    expect(await supervised.ended).toBe('exit status 70');
    expect(await supervised.log()).toContain(`synced-size: ${reason}`);
  });
});
