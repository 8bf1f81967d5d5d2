import { readFile } from 'node:fs/promises';

import { execa } from 'execa';
import { z } from 'zod';

import { isOnPath } from '../benchmarks/toolchain/on-path.ts';

/**
 * `make check`: every `check:…` script of package.json, in their order. Prints each with its result and seconds,
 * what it said only when it failed, and ends with `N passed, N failed`; exit status 1 when one failed.
 */
const packageSchema = z.object({ scripts: z.record(z.string(), z.string()) });
const { scripts } = packageSchema.parse(JSON.parse(await readFile('package.json', 'utf8')));
const names = Object.keys(scripts).filter((script) => script.startsWith('check:'));

/** The one program that does not come with npm. */
const shellcheckIsMissing = !(await isOnPath('shellcheck')) && process.env['REQUIRE_ALL'] !== '1';

const env = process.stdout.isTTY ? {} : { NO_COLOR: '1' };
let passed = 0;
let failed = 0;
for (const script of names) {
  const title = script.slice('check:'.length).padEnd(10);
  if (script === 'check:shell' && shellcheckIsMissing) {
    console.log(`SKIPPED  ${title} shellcheck is not on the PATH: sudo apt-get install -y shellcheck`);
    continue;
  }
  const startedAt = performance.now();
  const result = await execa('npm', ['run', '--silent', script], { all: true, env, stdin: 'ignore', reject: false });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(6);
  console.log(`${result.failed ? 'FAILED ' : 'passed '}  ${title} ${seconds} s`);
  if (result.failed) {
    console.log(result.all || result.shortMessage);
    failed++;
  } else {
    passed++;
    // A part that could not be checked is no silent success.
    for (const line of result.all?.split('\n') ?? []) if (line.startsWith('SKIPPED')) console.log(line);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
