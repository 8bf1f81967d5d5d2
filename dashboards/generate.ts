import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { dashboards } from './source/dashboards.ts';
import { dashboardJson } from './source/grafana-json.ts';

/** `node dashboards/generate.ts` writes what Grafana is provisioned with. */
export const dashboardsFolder = new URL('grafana/dashboards/', import.meta.url).pathname;

/** File names and texts, as they have to be. */
export function generatedDashboards(): ReadonlyMap<string, string> {
  return new Map(dashboards.map((definition) => [`${definition.id}.json`, dashboardJson(definition)]));
}

/** Files that are not as the definitions make them, are missing, or have no definition. */
export function staleDashboards(folder = dashboardsFolder): readonly string[] {
  const wanted = generatedDashboards();
  const present = readdirSync(folder);
  const changed = [...wanted].filter(
    ([name, text]) => !present.includes(name) || readFileSync(join(folder, name), 'utf8') !== text,
  );
  return [...changed.map(([name]) => name), ...present.filter((name) => !wanted.has(name))];
}

if (import.meta.main) {
  mkdirSync(dashboardsFolder, { recursive: true });
  for (const name of readdirSync(dashboardsFolder)) rmSync(join(dashboardsFolder, name));
  for (const [name, text] of generatedDashboards()) writeFileSync(join(dashboardsFolder, name), text);
}
