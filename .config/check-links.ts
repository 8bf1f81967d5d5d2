import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';

import { execa } from 'execa';

/**
 * Every relative link of every committed Markdown document leads to a committed file or folder, and its anchor to a
 * heading there. Links with a scheme are not followed: nothing here needs a network. Exit status 1 when one leads
 * nowhere, and when no link was seen at all.
 */
const { stdout } = await execa('git', ['ls-files', '-z']);
const files = stdout.split('\0').filter((file) => file !== '');
const committed = new Set(files.flatMap((file) => [file, ...foldersOf(file)]));

function foldersOf(file: string): readonly string[] {
  const folder = posix.dirname(file);
  return folder === '.' ? ['.'] : [folder, ...foldersOf(folder)];
}

/** Without what GitHub shows as it stands. Headings keep their code: it is part of their anchors. */
const withoutBlocks = (text: string) =>
  text.replaceAll(/^( *)(`{3,}|~{3,}).*\n(?:.*\n)*?\1\2.*$/gm, '').replaceAll(/<!--[^]*?-->/g, '');

function linksOf(text: string): readonly string[] {
  const prose = withoutBlocks(text).replaceAll(/(`+)(?!`).*?[^`]\1(?!`)/g, '');
  return [
    /\]\(\s*<?([^()\s>]+)>?(?:\s+"[^"]*")?\s*\)/g,
    /^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)/gm,
    /<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)="([^"\s]+)/g,
  ].flatMap((form) => [...prose.matchAll(form)].map(([, link = '']) => link));
}

/** As GitHub names them: lower case, nothing but letters, digits, hyphens and underscores; the second one has `-1`. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set([...text.matchAll(/<\w+[^>]*? (?:id|name)="([^"]+)"/g)].map(([, id = '']) => id));
  for (const [, heading = ''] of withoutBlocks(text).matchAll(/^ {0,3}#{1,6} +(.*?)(?: +#+)? *$/gm)) {
    const shown = heading
      .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replaceAll(/(?<![\p{L}\p{N}])_([^_]+)_(?![\p{L}\p{N}])/gu, '$1');
    const name = shown
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    let anchor = name;
    for (let again = 1; anchors.has(anchor); again += 1) anchor = `${name}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}

const texts = new Map<string, Promise<string>>();
function read(file: string): Promise<string> {
  const text = texts.get(file) ?? readFile(file, 'utf8');
  texts.set(file, text);
  return text;
}

/** What is wrong with a link of `document`; undefined: nothing. */
async function problemOf(document: string, link: string): Promise<string | undefined> {
  const [address = '', anchor] = decodeURIComponent(link).split('#', 2);
  const target = addressedFile(document, address);
  if (!committed.has(target)) return `${target} is not in git`;
  if (anchor === undefined || (!target.endsWith('.md') && /^L\d+(-L\d+)?$/.test(anchor))) return undefined;
  if (!target.endsWith('.md')) return `${target} is no Markdown: only #L<line> is known there`;
  return anchorsOf(await read(target)).has(anchor) ? undefined : `${target} has no heading for #${anchor}`;
}

/** From the top of the repository; a leading slash means just that. */
function addressedFile(document: string, address: string): string {
  if (address === '') return document;
  const joined = address.startsWith('/') ? address.slice(1) : posix.join(posix.dirname(document), address);
  return posix.normalize(joined).replace(/(?<=.)\/$/, '');
}

const documents = files.filter((file) => file.endsWith('.md'));
let checked = 0;
for (const document of documents) {
  for (const link of linksOf(await read(document))) {
    if (/^(?:[a-z][\w+.-]*:|\/\/)/i.test(link)) continue;
    checked += 1;
    const problem = await problemOf(document, link);
    if (problem === undefined) continue;
    console.error(`${document}: the link ${link} leads nowhere: ${problem}`);
    process.exitCode = 1;
  }
}
if (checked === 0) {
  console.error(`no relative link was seen in ${documents.length} documents: the check is blind`);
  process.exitCode = 1;
}
console.log(`${checked} relative links in ${documents.length} documents`);
