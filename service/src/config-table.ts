import { readFileSync, writeFileSync } from 'node:fs';

import { type ConfigVariable, configVariables } from './config-variables.ts';

const readme = new URL('../README.md', import.meta.url);
const table = /(?<=<!-- configuration: node service\/src\/config-table\.ts -->\n).*?(?=<!-- end of configuration -->)/s;

/** service/README.md with the table of `configVariables` in its place. */
export function withConfigTable(text: string): string {
  if (!table.test(text)) throw new Error(`${readme.pathname} has no place for the configuration table`);
  return text.replace(table, () => `\n${createTable()}\n`);
}

function createTable(): string {
  const rows = Object.entries<ConfigVariable>(configVariables).map(([name, variable]) =>
    [
      `\`${name}\`${variable.secret ? `, \`${name}_FILE\`` : ''}`,
      variable.allowed.replaceAll(/<[^>]+>/g, (placeholder) => `\`${placeholder}\``),
      variable.fallback === undefined ? '' : `\`${variable.fallback}\``,
      variable.about,
    ]
      .map((cell) => ` ${cell} `)
      .join('|'),
  );
  return [
    '| Variable | Must be | Default | What for |',
    '| --- | --- | --- | --- |',
    ...rows.map((row) => `|${row}|`),
    '',
  ].join('\n');
}

if (import.meta.main) writeFileSync(readme, withConfigTable(readFileSync(readme, 'utf8')));
