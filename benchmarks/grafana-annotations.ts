import { readFileSync } from 'node:fs';

import type { Annotate } from './protocol/annotation.ts';

/** What dashboards ask for: the tag of every annotation of ours. */
const commonTag = 'benchmark';
const timeoutMs = 2_000;

export interface GrafanaAddress {
  readonly url: string;
  /** Of a service account that may write annotations. */
  readonly token: string;
}

/**
 * GRAFANA_URL with GRAFANA_TOKEN or GRAFANA_TOKEN_FILE. `undefined`: nobody has asked for annotations.
 * @throws when there is one without the other, or the URL is none
 */
export function grafanaAddress(environment: Readonly<Record<string, string | undefined>>): GrafanaAddress | undefined {
  const { GRAFANA_URL: url, GRAFANA_TOKEN: given, GRAFANA_TOKEN_FILE: file } = environment;
  const token = given || (file ? readFileSync(file, 'utf8').trim() : '');
  if (!url && !token) return undefined;
  if (!url || !token)
    throw new Error('annotations need GRAFANA_URL and GRAFANA_TOKEN (or GRAFANA_TOKEN_FILE): set both, or neither');
  const protocol = URL.parse(url)?.protocol;
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new Error(`GRAFANA_URL must be an http or https URL, got "${url}"`);
  return { url, token };
}

/**
 * Pushes spans to Grafana's HTTP API (POST /api/annotations). One that is not taken within 2 s is given up and noted:
 * the run goes on.
 */
export function createGrafanaAnnotations({ url, token }: GrafanaAddress, note: (text: string) => void): Annotate {
  const address = new URL('api/annotations', url.endsWith('/') ? url : `${url}/`);
  return async ({ from, to, text, tags }) => {
    const body = JSON.stringify({ time: from.getTime(), timeEnd: to.getTime(), tags: [commonTag, ...tags], text });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    try {
      const response = await fetch(address, { method: 'POST', headers, body, signal: AbortSignal.timeout(timeoutMs) });
      const answer = await response.text();
      if (!response.ok) note(`  Grafana did not take an annotation: ${response.status} ${answer.slice(0, 200)}`);
    } catch (error) {
      note(`  Grafana did not take an annotation: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}
