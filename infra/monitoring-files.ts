import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { alertmanagerConfiguration } from '../dashboards/alertmanager-configuration.ts';
import { alertmanagerPort } from './components/alertmanager.ts';
import { postgresExporterPort, redisExporterPort } from './components/exporters.ts';
import type { TargetGroup } from './components/prometheus.ts';
import { adminPort, numbered } from './components/ticketing-service.ts';
import type { Settings } from './config.ts';

const dashboards = fileURLToPath(new URL('../dashboards', import.meta.url));

/** What Prometheus reads, by file name, without the addresses. */
export function prometheusFiles(): Readonly<Record<string, string>> {
  return { ...filesOf('prometheus', '.yml'), ...filesOf('prometheus/rules', '.yml', 'rules') };
}

/** Alerts are shown by Alertmanager and sent to nobody when there is no address. */
const withoutReceiver = 'route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n';

export function alertmanagerFile(webhookUrl: string | undefined): string {
  return webhookUrl === undefined ? withoutReceiver : alertmanagerConfiguration(webhookUrl);
}

/** Grafana's provisioning and its dashboards, by file name, for a container that has them in `folder`. */
export function grafanaFiles(folder: string): Readonly<Record<string, string>> {
  const providers = filesOf('grafana/provisioning/dashboards', '.yaml', 'provisioning/dashboards');
  return {
    ...filesOf('grafana/provisioning/datasources', '.yaml', 'provisioning/datasources'),
    ...Object.fromEntries(
      Object.entries(providers).map(([name, text]) => [name, withDashboardsIn(folder, name, text)]),
    ),
    ...filesOf('grafana/dashboards', '.json', 'dashboards'),
  };
}

function withDashboardsIn(folder: string, name: string, text: string): string {
  const usual = 'path: /var/lib/grafana/dashboards';
  if (!text.includes(usual))
    throw new Error(`${name} must have "${usual}", which is replaced by the container's folder`);
  return text.replace(usual, `path: ${folder}/dashboards`);
}

/** Files of this ending in a folder of dashboards/, sorted, under the names that they have in the container. */
function filesOf(folder: string, ending: string, as = ''): Readonly<Record<string, string>> {
  const names = readdirSync(join(dashboards, folder)).filter((name) => name.endsWith(ending));
  return Object.fromEntries(
    names.sort().map((name) => [join(as, name), readFileSync(join(dashboards, folder, name), 'utf8')]),
  );
}

/** Every address in the stack's network that is scraped, or told of alerts, by the name that prometheus.yml gives it. */
export function scrapeTargets({
  apiReplicas,
  workerReplicas,
  database,
}: Pick<Settings, 'apiReplicas' | 'workerReplicas' | 'database'>): Readonly<Record<string, readonly TargetGroup[]>> {
  return {
    alertmanager: [{ targets: [`alertmanager:${alertmanagerPort}`] }],
    postgres: database === 'postgres' ? [{ targets: [`postgres-exporter:${postgresExporterPort}`] }] : [],
    redis: ['queue', 'cache'].map((server) => ({
      targets: [`redis-${server}-exporter:${redisExporterPort}`],
      labels: { server },
    })),
    ticketing: [
      { targets: replicas('api', apiReplicas), labels: { role: workerReplicas === 0 ? 'all' : 'api' } },
      { targets: replicas('worker', workerReplicas), labels: { role: 'worker' } },
    ],
  };
}

function replicas(role: 'api' | 'worker', count: number): readonly string[] {
  return numbered(role, count).map((name) => `${name}:${adminPort}`);
}
