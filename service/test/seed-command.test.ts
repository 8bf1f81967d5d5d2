import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const entry = path.join(import.meta.dirname, '..', 'src', 'seed.ts');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'seed-command-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The command as a person types it, with nothing in its environment but the database. */
function seed(file: string, performances: string): Promise<{ status: number; output: string }> {
  const args = ['--performances', performances, '--random-seed', '1', '--relative-to', '2026-11-23T00:00:00.000Z'];
  const environment = { PATH: process.env['PATH'], DATABASE_URL: `sqlite:${path.join(folder, file)}` };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [entry, ...args], { env: environment }, (_, stdout, stderr) =>
      resolve({ status: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });
}

describe('the seed command', () => {
  it('fills an empty database and needs no token for it', async () => {
    const { status, output } = await seed('filled.db', '20');
    expect({ status, output }).toMatchObject({ status: 0, output: expect.stringContaining('"performances":20') });
    const content = new Database(path.join(folder, 'filled.db'), { readonly: true });
    expect(content.prepare('SELECT count(*) AS performances FROM performances').get()).toEqual({ performances: 20 });
    content.close();
  });

  it('refuses a catalogue that is not empty, changes nothing, and says what to do', async () => {
    await seed('twice.db', '5');
    const { status, output } = await seed('twice.db', '7');
    expect(status).toBe(1);
    expect(output).toContain('empty');
    const content = new Database(path.join(folder, 'twice.db'), { readonly: true });
    expect(content.prepare('SELECT count(*) AS performances FROM performances').get()).toEqual({ performances: 5 });
    content.close();
  });

  it('refuses a size that is no whole number, naming it', async () => {
    const { status, output } = await seed('none.db', 'many');
    expect(status).toBe(1);
    expect(output).toContain('many');
  });
});
