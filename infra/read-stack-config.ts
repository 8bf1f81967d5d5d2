import type { Config, Output } from '@pulumi/pulumi';

import {
  parseSettings,
  secretNames,
  type SecretName,
  secretProblem,
  type StackConfig,
  StackConfigError,
} from './config.ts';

/** Keys whose values are objects. */
const structured = ['images', 'memoryMegabytes', 'cpuSets', 'serviceVariables'] as const;
const numbers = [
  'apiReplicas',
  'workerReplicas',
  'apiPort',
  'prometheusPort',
  'prometheusRetentionDays',
  'grafanaPort',
  'healthIntervalSeconds',
] as const;
const switches = ['openPorts', 'probePorts', 'reverseProxy', 'monitoring', 'grafana'] as const;
const texts = ['kind', 'database', 'serviceImage'] as const;

/** The stack's configuration as Pulumi has it. @throws {StackConfigError} with everything that is wrong. */
export function readStackConfig(stackName: string, config: Config): StackConfig {
  const entries = [
    ...structured.map((key) => [key, config.getObject<unknown>(key)] as const),
    ...numbers.map((key) => [key, config.getNumber(key)] as const),
    ...switches.map((key) => [key, config.getBoolean(key)] as const),
    ...texts.map((key) => [key, config.get(key)] as const),
  ];
  const settings = parseSettings(stackName, Object.fromEntries(entries.filter(([, value]) => value !== undefined)));
  return {
    ...settings,
    stackName,
    secrets: readSecrets(stackName, config),
    alertWebhookUrl: config.getSecret('alertWebhookUrl'),
  };
}

function readSecrets(stackName: string, config: Config): Readonly<Record<SecretName, Output<string>>> {
  const missing = secretNames.filter((name) => config.getSecret(name) === undefined);
  if (missing.length > 0) {
    throw new StackConfigError(
      stackName,
      missing.map((name) => `${name}: is missing: openssl rand -hex 24 | pulumi config set --secret ${name}`),
    );
  }
  const read = (name: SecretName): Output<string> =>
    config.requireSecret(name).apply((text) => {
      const problem = secretProblem(name, text);
      if (problem !== undefined) throw new StackConfigError(stackName, [problem]);
      return text;
    });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made of every name
  return Object.fromEntries(secretNames.map((name) => [name, read(name)])) as Record<SecretName, Output<string>>;
}
