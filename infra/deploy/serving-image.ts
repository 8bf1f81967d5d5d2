import { setTimeout as sleep } from 'node:timers/promises';

import { execa } from 'execa';
import { z } from 'zod';

import { nameOnEngine } from '../components/stack-context.ts';
import { reverseProxyPort } from '../components/reverse-proxy.ts';
import type { Session } from './stack-session.ts';

type Stack = Pick<Session, 'stackName' | 'environment'>;

const revision = 'org.opencontainers.image.revision';
const imageSchema = z.tuple([
  z.looseObject({ Id: z.string(), Config: z.looseObject({ Labels: z.record(z.string(), z.string()).nullish() }) }),
]);
const containersSchema = z.array(
  z.looseObject({
    Name: z.string(),
    Image: z.string(),
    State: z.looseObject({ Status: z.string(), Health: z.looseObject({ Status: z.string() }).optional() }),
    Config: z.looseObject({ Labels: z.record(z.string(), z.string()) }),
  }),
);
const versionSchema = z.looseObject({ commit: z.string() });

/**
 * Why the stack does not serve this image, in a sentence; `undefined` when it does: every replica runs it and is
 * healthy, and through the proxy the service answers from its database and names the image's commit. Asks again until
 * it does, for `withinSeconds`.
 */
export async function whyNotServing(
  stack: Stack,
  image: string,
  { withinSeconds }: { readonly withinSeconds: number },
): Promise<string | undefined> {
  const deadline = Date.now() + withinSeconds * 1_000;
  for (;;) {
    const why = await lookOnce(stack, image);
    if (why === undefined || Date.now() >= deadline) return why;
    await sleep(1_000);
  }
}

async function lookOnce(stack: Stack, image: string): Promise<string | undefined> {
  const docker = (...args: readonly string[]) =>
    execa('docker', args, { env: stack.environment, reject: false, timeout: 15_000 });
  const inspected = await docker('image', 'inspect', image);
  if (inspected.failed) return `the engine has no image ${image}: ${inspected.stderr}`;
  const [{ Id: id, Config: settings }] = imageSchema.parse(JSON.parse(inspected.stdout));
  const commit = settings.Labels?.[revision];
  if (commit === undefined) return `${image} does not say its commit: it has no label ${revision}`;

  const { replicas, why } = await findReplicas(stack);
  if (why !== undefined) return why;
  const other = replicas.find(({ Image }) => Image !== id);
  if (other !== undefined) return `${other.Name} runs ${other.Image}, and not ${image}`;
  const ill = replicas.find(({ State }) => State.Health?.Status !== 'healthy');
  if (ill !== undefined)
    return `${ill.Name} is ${ill.State.Status}, ${ill.State.Health?.Status ?? 'without a health check'}`;

  const ask = (path: string) => {
    const url = `http://127.0.0.1:${reverseProxyPort}${path}`;
    return docker('exec', nameOnEngine(stack, 'proxy'), 'wget', '-q', '-O', '-', url);
  };
  const catalogue = await ask('/performances');
  if (catalogue.failed)
    return `GET /performances fails through the proxy: ${catalogue.shortMessage} ${catalogue.stderr}`;
  // The proxy takes the replicas in turn.
  for (const _replica of replicas) {
    const { failed, stdout, stderr, shortMessage } = await ask('/version');
    if (failed) return `GET /version fails through the proxy: ${shortMessage} ${stderr}`;
    const served = versionSchema.parse(JSON.parse(stdout)).commit;
    if (served !== commit) return `GET /version through the proxy says commit ${served}, the image is of ${commit}`;
  }
  return undefined;
}

/** The containers of the service: api and workers, not what carries their files. */
async function findReplicas({ stackName, environment }: Stack) {
  const label = `label=ticketing.stack=${stackName}`;
  const list = await execa('docker', ['ps', '--all', '--quiet', '--filter', label], {
    env: environment,
    reject: false,
  });
  const ids = list.stdout.split('\n').filter((id) => id !== '');
  if (list.failed || ids.length === 0) return { replicas: [], why: `no container has the ${label}: ${list.stderr}` };
  const { stdout } = await execa('docker', ['inspect', '--type=container', ...ids], { env: environment });
  const replicas = containersSchema
    .parse(JSON.parse(stdout))
    .filter(({ Config }) => /^(api|worker)-\d+$/.test(Config.Labels['ticketing.component'] ?? ''));
  return { replicas, why: replicas.length === 0 ? `the stack ${stackName} has no replica of the service` : undefined };
}
