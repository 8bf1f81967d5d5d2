import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';

const checkLinks = fileURLToPath(new URL('../../.config/check-links.ts', import.meta.url));
let scratch: string;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'document-links-'));
  await execa('git', ['init', '--quiet'], { cwd: scratch });
});

afterEach(() => rm(scratch, { recursive: true }));

/** The check's result for a repository with these documents. */
async function check(documents: Readonly<Record<string, string>>): Promise<{ exitCode?: number; stderr: string }> {
  for (const [file, text] of Object.entries(documents)) {
    await mkdir(dirname(join(scratch, file)), { recursive: true });
    await writeFile(join(scratch, file), text);
  }
  await execa('git', ['add', '--', ...Object.keys(documents)], { cwd: scratch });
  return execa(process.execPath, [checkLinks], { cwd: scratch, reject: false });
}

const guide = '# Words\n\n## What _is_ a `slot`?\n\n## Words\n\n<a id="by-hand"></a>\n\n```sh\n# no heading\n```\n';

it('lets pass what leads to a committed file, folder, heading, line or picture, and what is in code', async () => {
  const links = [
    '[a](docs/guide.md) [b](docs) [c](./docs/) [d](/docs/guide.md#words) [e](docs/guide.md#words-1 "again")',
    '[f](docs/guide.md#by-hand) [g](#top) [![h](docs/chart.svg)](docs/guide.md#what-is-a-slot)',
    '<img src="docs/chart.svg" alt=""> [i][ref] [j](https://example.com/gone.md) [k](docs/chart.svg#L3)',
    '`[l](gone.md)` and <!-- [m](gone.md) -->',
    '```md\n[n](gone.md)\n```\n\n[ref]: docs/guide.md#words',
  ];
  const documents = { 'docs/guide.md': guide, 'docs/chart.svg': '<svg/>' };
  const { exitCode, stderr } = await check({ 'README.md': `# Top\n\n${links.join('\n\n')}\n`, ...documents });
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
});

it.each([
  ['[a](docs/gone.md)', 'README.md: the link docs/gone.md leads nowhere: docs/gone.md is not in git'],
  ['[a](../docs/guide.md)', '../docs/guide.md is not in git'],
  ['[a](docs/guide.md#no-heading)', 'docs/guide.md has no heading for #no-heading'],
  ['[a](docs/guide.md#words-2)', 'has no heading for #words-2'],
  ['[a](#gone)', 'README.md has no heading for #gone'],
  ['![a](docs/gone.svg)', 'docs/gone.svg is not in git'],
  ['<a href="gone.html">a</a>', 'gone.html is not in git'],
  ['[a][ref]\n\n[ref]: gone.md', 'gone.md is not in git'],
  ['`code` and ``co`de`` [a](gone.md) `code`', 'gone.md is not in git'],
  ['[a](untracked.md)', 'untracked.md is not in git'],
  ['[a](https://example.com)', 'no relative link was seen in 2 documents: the check is blind'],
])('fails over %s', async (link, problem) => {
  await writeFile(join(scratch, 'untracked.md'), '# There, and in no commit\n');
  const { exitCode, stderr } = await check({ 'README.md': `# Top\n\n${link}\n`, 'docs/guide.md': guide });
  expect(stderr).toContain(problem);
  expect(exitCode).toBe(1);
});
