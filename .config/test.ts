import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { execa } from 'execa';
import { z } from 'zod';

import { environmentWith, setUpTools } from '../benchmarks/toolchain/set-up-tools.ts';
import { requiredTools, type Tool } from '../benchmarks/toolchain/tool.ts';

/**
 * `make test`: sets up what the tests need, runs vitest (its own arguments may follow, as in `node .config/test.ts
 * service/test/seed`), and ends with `N passed, N failed`. Exit status: vitest's; 4 when the tests could not run.
 */
const reportSchema = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.unknown()) })),
});

async function setUp(): Promise<readonly Tool[] | undefined> {
  try {
    return await setUpTools(requiredTools, process.stdout);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return undefined;
  }
}

async function runVitest(tools: readonly Tool[], argumentsOfVitest: readonly string[]): Promise<number> {
  const scratch = await mkdtemp(join(tmpdir(), 'test-report-'));
  const report = join(scratch, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const environment = { ...environmentWith(tools), ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }) };
  try {
    const { exitCode = 1 } = await execa(
      'node_modules/.bin/vitest',
      ['run', ...defaultConfig(argumentsOfVitest), ...reporters, ...argumentsOfVitest],
      { env: environment, stdio: ['ignore', 'inherit', 'inherit'], reject: false },
    );
    console.log(await summarise(report, exitCode));
    return exitCode;
  } finally {
    await rm(scratch, { recursive: true });
  }
}

function defaultConfig(argumentsOfVitest: readonly string[]): readonly string[] {
  return argumentsOfVitest.some((argument) => argument.startsWith('--config=')) ? [] : ['--config=.config/vitest.ts'];
}

/** A file that could not even be loaded, and a failure outside of any test, count as one failed test each. */
async function summarise(report: string, exitCode: number): Promise<string> {
  const text = await readFile(report, 'utf8').catch(() => undefined);
  if (text === undefined) return '0 passed, 1 failed';
  const { numPassedTests, numFailedTests, testResults } = reportSchema.parse(JSON.parse(text));
  const unloadable = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  const failed = numFailedTests + unloadable.length;
  return `${numPassedTests} passed, ${exitCode === 0 ? failed : Math.max(failed, 1)} failed`;
}

// At the terminal Ctrl-C reaches vitest too: it stops its servers, and we wait for it.
process.on('SIGINT', () => {});
const tools = await setUp();
process.exitCode = tools === undefined ? 4 : await runVitest(tools, process.argv.slice(2));
