import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import axe from 'axe-core';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { renderReport } from '../report/render-report.ts';
import { reportsFolder, runFolders } from '../run-folder.ts';
import { findChromium } from './find-chromium.ts';
import { syntheticEvidence } from './synthetic-evidence.ts';

const tool = await findChromium();
const violationsSchema = z.array(z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string() })) }));

/** The page with most in it of each protocol; the index of all runs. */
const pages = {
  blocks: await largestPage('blocks'),
  trials: await largestPage('trials'),
  index: path.join(reportsFolder, 'index.html'),
};

async function largestPage(protocol: 'blocks' | 'trials'): Promise<string> {
  const found = await Promise.all(
    (await runFolders()).map(async (folder) => {
      const page = path.join(folder, 'index.html');
      const isTrials = (await readFile(path.join(folder, 'run.json'), 'utf8')).includes('"kind": "trials"');
      return { page, isTrials, bytes: (await stat(page)).size };
    }),
  );
  const [largest] = found
    .filter(({ isTrials }) => isTrials === (protocol === 'trials'))
    .toSorted((a, b) => b.bytes - a.bytes);
  if (!largest) throw new Error(`no run in ${protocol} in ${reportsFolder}`);
  return largest.page;
}

/** A run that proves nothing: no committed one does. */
function invalidPage(): string {
  const evidence = syntheticEvidence({ sweep: false, closed: false });
  const run = structuredClone(evidence.run);
  Object.assign(run.guards[0] ?? {}, { held: false });
  return renderReport({ ...evidence, run })['index.html'] ?? '';
}

let browser: Browser;
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'report-in-browser-'));
  if (tool === undefined) return;
  browser = await chromium.launch({
    executablePath: tool.path,
    env: { ...process.env, ...tool.environment },
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic'],
  });
});

afterAll(async () => {
  if (tool !== undefined) await browser.close();
  await rm(scratch, { recursive: true });
});

/** Opens `page`, a file or markup, and resolves to what `look` does; `requests` are all that it asked for. */
async function look<T>(
  page: string,
  options: BrowserContextOptions,
  view: (page: Page, requests: readonly string[]) => Promise<T>,
): Promise<T> {
  const file = page.startsWith('<') ? path.join(scratch, 'page.html') : page;
  if (file !== page) await writeFile(file, page);
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, ...options });
  try {
    const opened = await context.newPage();
    const requests: string[] = [];
    opened.on('request', (request) => requests.push(request.url()));
    await opened.goto(pathToFileURL(file).href, { waitUntil: 'load' });
    return await view(opened, requests);
  } finally {
    await context.close();
  }
}

/** Each as `image-alt: <img src="x">`. Folded tables are opened, but those of hundreds of rows of one kind. */
async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(
    `for (const own of document.querySelectorAll('details')) own.open = own.querySelectorAll('tr').length < 60`,
  );
  await page.addScriptTag({ content: axe.source });
  const found = await page.evaluate(`axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)`);
  return violationsSchema.parse(found).flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** How many pixels the page is wider than its window. */
async function overflowOf(page: Page): Promise<number> {
  return z.number().parse(await page.evaluate('document.documentElement.scrollWidth - window.innerWidth'));
}

/** Texts of charts that are shown and reach over their edge, by a pixel at least. */
async function cutWordsOf(page: Page, size: string): Promise<string[]> {
  const found = await page.evaluate(`[...document.querySelectorAll('svg.${size} text')].flatMap((text) => {
    const [own, chart] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
    const isInside = own.left >= chart.left - 1 && own.right <= chart.right + 1 && own.bottom <= chart.bottom + 1;
    return isInside || own.width === 0 ? [] : [text.textContent];
  })`);
  return z.array(z.string()).parse(found);
}

const numberOf = async (page: Page, expression: string): Promise<number> =>
  z.number().parse(await page.evaluate(expression));

describe.skipIf(tool === undefined)('a report in a browser', () => {
  describe.each(['light', 'dark'] as const)('in the %s theme', (colorScheme) => {
    it.each(Object.entries(pages))('has no violation that axe-core finds: %s', async (_, page) => {
      expect(await look(page, { colorScheme }, violationsOf)).toEqual([]);
    });

    it('has none either when the run is invalid', async () => {
      expect(await look(invalidPage(), { colorScheme }, violationsOf)).toEqual([]);
    });
  });

  it('is looked at by an axe-core that sees: an image without words, text too pale', async () => {
    const planted = (await readFile(pages.index, 'utf8')).replace(
      '<main>',
      '<main><img src="data:," /><p style="color:#bbb;background:#fff">pale</p>',
    );
    const found = await look(planted, { colorScheme: 'light' }, violationsOf);
    expect(found.map((violation) => violation.split(':')[0])).toEqual(
      expect.arrayContaining(['image-alt', 'color-contrast']),
    );
  });

  it.each(Object.entries(pages))('asks for nothing from elsewhere: %s', async (_, page) => {
    const asked = await look(page, {}, (_page, requests) => Promise.resolve(requests));
    const itself = pathToFileURL(page).href;
    // The index shows charts of runs.
    const allowed = page === pages.index ? `${path.posix.dirname(itself)}/` : itself;
    expect(asked.filter((url) => !url.startsWith(allowed))).toEqual([]);
    expect(asked[0]).toBe(itself);
  });

  it('would be seen asking the network', async () => {
    const asked = await look(
      '<!doctype html><title>x</title><img src="http://127.0.0.1:9/x.png">',
      {},
      (_page, requests) => Promise.resolve(requests),
    );
    expect(asked).toContain('http://127.0.0.1:9/x.png');
  });

  it.each(Object.entries(pages))('fits a phone, with its own charts: %s', async (_, page) => {
    await look(page, { viewport: { width: 360, height: 800 } }, async (opened) => {
      expect(await overflowOf(opened)).toBeLessThanOrEqual(0);
      const shown = (size: string) =>
        numberOf(opened, `[...document.querySelectorAll('svg.${size}')].filter((svg) => svg.clientWidth > 0).length`);
      expect(await shown('wide')).toBe(0);
      expect((await shown('narrow')) > 0).toBe(page !== pages.index);
    });
  });

  it.each(Object.entries(pages))('prints on A4, black on white, without its links: %s', async (_, page) => {
    // 210 mm less the margins, in CSS pixels.
    const width = Math.floor(((210 - 2 * 14) / 25.4) * 96);
    await look(page, { viewport: { width, height: 1000 }, colorScheme: 'dark' }, async (opened) => {
      await opened.emulateMedia({ media: 'print', colorScheme: 'dark' });
      expect(await overflowOf(opened)).toBeLessThanOrEqual(0);
      expect(await opened.evaluate('getComputedStyle(document.documentElement).backgroundColor')).toBe(
        'rgb(255, 255, 255)',
      );
      expect(await numberOf(opened, `document.querySelector('nav')?.clientHeight ?? 0`)).toBe(0);
    });
  });

  it.each([
    ['wide', 1100],
    ['narrow', 360],
  ])('has every word of its %s charts inside of them', async (size, width) => {
    for (const page of [pages.blocks, pages.trials]) {
      const cut = await look(page, { viewport: { width, height: 900 } }, (opened) => cutWordsOf(opened, size));
      expect(cut).toEqual([]);
    }
  });

  it('would be seen to cut a word of a chart off', async () => {
    const chart = '<svg class="wide" width="50" height="20"><text y="15">words that are too long for it</text></svg>';
    const page = `<!doctype html><title>x</title>${chart}`;
    expect(await look(page, {}, (opened) => cutWordsOf(opened, 'wide'))).toEqual(['words that are too long for it']);
  });

  it('sets sentences below each other on a phone, each with the name of its column', async () => {
    const widest = (page: Page) =>
      numberOf(page, `Math.max(...[...document.querySelectorAll('.sentences table')].map((own) => own.scrollWidth))`);
    await look(pages.trials, { viewport: { width: 360, height: 800 } }, async (opened) => {
      expect(await widest(opened)).toBeLessThanOrEqual(360);
      expect(
        await opened.evaluate(`getComputedStyle(document.querySelector('.sentences td'), '::before').content`),
      ).toContain('What is done');
    });
    await look(pages.trials, {}, async (opened) => {
      expect(await widest(opened)).toBeGreaterThan(360);
    });
  });

  it('opens its tables without JavaScript', async () => {
    await look(pages.blocks, { javaScriptEnabled: false }, async (opened) => {
      const table = opened.locator('#claim details table');
      expect(await table.isVisible()).toBe(false);
      await opened.locator('#claim summary').click();
      expect(await table.isVisible()).toBe(true);
    });
  });
});

it('is one file of at most 400 kB, in every committed run', async () => {
  const sizes = await Promise.all(
    (await runFolders()).map(async (folder) => {
      const { size } = await stat(path.join(folder, 'index.html'));
      return { run: path.basename(folder), size };
    }),
  );
  expect(sizes.length).toBeGreaterThan(0);
  expect(sizes.filter(({ size }) => size > 400_000)).toEqual([]);
});
