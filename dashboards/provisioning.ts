import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse } from 'yaml';
import { z } from 'zod';

import { durationMs } from './promql.ts';

/** Of the keys that Grafana's documentation of provisioning names, those we use; any other is a slip of the pen. */
const datasourcesSchema = z.strictObject({
  apiVersion: z.literal(1),
  prune: z.boolean(),
  datasources: z.tuple([
    z.strictObject({
      name: z.string(),
      uid: z.string().regex(/^[\w-]{1,40}$/),
      type: z.literal('prometheus'),
      access: z.literal('proxy'),
      url: z.literal('$PROMETHEUS_URL'),
      isDefault: z.literal(true),
      editable: z.literal(false),
      jsonData: z.strictObject({ httpMethod: z.enum(['GET', 'POST']), timeInterval: z.string() }),
    }),
  ]),
});
const providersSchema = z.strictObject({
  apiVersion: z.literal(1),
  providers: z.tuple([
    z.strictObject({
      name: z.string(),
      folder: z.string(),
      folderUid: z.string().regex(/^[\w-]{1,40}$/),
      type: z.literal('file'),
      disableDeletion: z.boolean(),
      allowUiUpdates: z.literal(false),
      options: z.strictObject({ path: z.string().startsWith('/') }),
    }),
  ]),
});
const prometheusSchema = z.object({ global: z.object({ scrape_interval: z.string() }) });

const folder = new URL('.', import.meta.url).pathname;

/** What is wrong with Grafana's provisioning files, in sentences. @param root holds grafana/ and prometheus/ */
export function provisioningProblems(root = folder): readonly string[] {
  const read = (file: string): unknown => parse(readFileSync(join(root, file), 'utf8'));
  const datasources = datasourcesSchema.safeParse(read('grafana/provisioning/datasources/prometheus.yaml'));
  const providers = providersSchema.safeParse(read('grafana/provisioning/dashboards/ticketing.yaml'));
  const problems = [datasources, providers].flatMap(({ error }) => (error ? [z.prettifyError(error)] : []));
  if (!datasources.success) return problems;
  const { scrape_interval: scrapeInterval } = prometheusSchema.parse(read('prometheus/prometheus.yml')).global;
  const { timeInterval } = datasources.data.datasources[0].jsonData;
  if (durationMs(timeInterval) === durationMs(scrapeInterval)) return problems;
  return [...problems, `Grafana is told a scrape interval of ${timeInterval}, Prometheus has ${scrapeInterval}`];
}
