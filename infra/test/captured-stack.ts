import { hash } from 'node:crypto';

import { output, runtime, secret } from '@pulumi/pulumi';
import { specialSecretSig, specialSigKey } from '@pulumi/pulumi/runtime/rpc.js';
import { getMonitor } from '@pulumi/pulumi/runtime/settings.js';
import { z } from 'zod';

import { parseSettings, secretNames, type SecretName } from '../config.ts';

export interface CapturedResource {
  readonly type: string;
  readonly name: string;
  readonly parent: string;
  /** Secrets in them are `[secret]`. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly isProtected: boolean;
  readonly deletesFirst: boolean;
  /** Names of the resources that it was told to wait for. */
  readonly waitsFor: readonly string[];
}

/** What each secret is in these tests: found nowhere else. */
export const canaries = mapNames((name) => `canary-of-${name}-0123456789`);
export const hidden = '[secret]';

/** The resources that a stack's program asks for, without an engine: every container is healthy at once, every job ends with 0. */
export async function captureStack(
  stackName: string,
  settings: Readonly<Record<string, unknown>>,
  { revealsSecrets = false }: { readonly revealsSecrets?: boolean } = {},
): Promise<readonly CapturedResource[]> {
  const captured: CapturedResource[] = [];
  await runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => ({
        id: `${name}-id`,
        state: { ...inputs, ...computed(type, name, inputs) },
      }),
      call: ({ inputs }) => inputs,
    },
    'ticketing',
    stackName,
    false,
  );
  recordRequests(captured, revealsSecrets ? (secretValue) => secretValue : () => hidden);
  const { deployStack } = await import('../stack.ts');
  const outputs = deployStack({
    ...parseSettings(stackName, settings),
    stackName,
    secrets: mapNames((name) => secret(canaries[name])),
    alertWebhookUrl: undefined,
  });
  await new Promise((resolve) => {
    output(outputs).apply(resolve);
  });
  await runtime.disconnect();
  return captured.toSorted((left, right) => `${left.type} ${left.name}`.localeCompare(`${right.type} ${right.name}`));
}

/** What the program sent to the engine, options included, which the mocks are not told. */
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getObject(): { toJavaScript(): Record<string, unknown> };
  getProtect(): boolean;
  getDeletebeforereplace(): boolean;
  getDependenciesList(): readonly string[];
}

function recordRequests(captured: CapturedResource[], show: (secretValue: unknown) => unknown): void {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- with mocks it is their monitor
  const monitor = getMonitor() as unknown as {
    registerResource(request: RegisterRequest, callback: (error: unknown, response: unknown) => void): Promise<void>;
  };
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = async (request, callback) => {
    captured.push({
      type: request.getType(),
      name: request.getName(),
      parent: nameIn(request.getParent()),
      inputs: showSecrets(request.getObject().toJavaScript(), show),
      isProtected: request.getProtect(),
      deletesFirst: request.getDeletebeforereplace(),
      waitsFor: request.getDependenciesList().map(nameIn).toSorted(),
    });
    await register(request, callback);
  };
}

function nameIn(urn: string): string {
  return urn.split('::').at(-1) ?? '';
}

function showSecrets(
  inputs: Readonly<Record<string, unknown>>,
  show: (secretValue: unknown) => unknown,
): Readonly<Record<string, unknown>> {
  const text = JSON.stringify(inputs, (_key, part: unknown) => {
    const wrapped = secretSchema.safeParse(part);
    return wrapped.success ? show(wrapped.data.value) : part;
  });
  return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
}

const secretSchema = z.object({ [specialSigKey]: z.literal(specialSecretSig), value: z.unknown() });

/** Of an image that no engine has, by the name of its resource. */
export function idOfImage(name: string): string {
  return `sha256:${hash('sha256', name)}`;
}

/** What the engine would add: ids, ports of the host, how a job has ended. */
function computed(
  type: string,
  name: string,
  inputs: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (type === 'docker:index/remoteImage:RemoteImage') return { imageId: idOfImage(name) };
  if (type !== 'docker:index/container:Container') return {};
  const ports = z.array(z.looseObject({ external: z.number().optional() })).parse(inputs['ports'] ?? []);
  return {
    ports: ports.map((port) => ({ ...port, external: port.external ?? 49_152 })),
    exitCode: 0,
    containerLogs: '',
  };
}

function mapNames<Value>(value: (name: SecretName) => Value): Readonly<Record<SecretName, Value>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made of every name
  return Object.fromEntries(secretNames.map((name) => [name, value(name)])) as Record<SecretName, Value>;
}
