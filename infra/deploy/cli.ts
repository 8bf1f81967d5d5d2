import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';

import type { OutputMap } from '@pulumi/pulumi/automation/index.js';

import { secretNames } from '../config.ts';
import { backUpStack, restoreStack } from './backup-commands.ts';
import { DeployError } from './deploy-error.ts';
import { deploy, type DeployOptions, destroy } from './deploy-stack.ts';
import { pinHost } from './pinned-host.ts';
import { policyPack } from './refuse-violations.ts';
import { deployedImage, type Release, release } from './release.ts';
import { requireDocker, requirePulumi } from './requirements.ts';
import { writeBillOfMaterials } from './sbom.ts';
import { buildServiceImage, type ImageBases } from './service-image.ts';
import { newSecret, openSession, type Session, stackKind } from './stack-session.ts';

const usage = `usage: node infra/deploy/cli.ts image|up|deploy|preview|down|backup|restore|sbom [--stack dev] [--rotate databasePassword] [--confirm prod]
       [--base IMAGE] [--build-base IMAGE] [--build-network host]
       deploy --stack prod --image REPOSITORY@sha256:… [--within 600]
       backup [--stack dev] [--to FOLDER]
       restore [--stack dev] --from FOLDER [--confirm prod]`;

/** What the script ends with beside 0, and 1 for what nobody foresaw. */
const nothingDone = 4;
const releaseStatus = { deployed: 0, 'rolled-back': 5, stuck: 6 } as const satisfies Record<Release['kind'], number>;

interface Options extends ImageBases {
  readonly stack: string;
  readonly network?: string | undefined;
  readonly rotate?: string | undefined;
  readonly confirm?: string | undefined;
  readonly image?: string | undefined;
  readonly within: string;
  readonly to?: string | undefined;
  readonly from?: string | undefined;
}

const printing: DeployOptions = {
  onOutput: (text) => process.stdout.write(text),
  onStep: (step) => console.log(step),
};

const commands: Readonly<Record<string, (options: Options) => Promise<number | void>>> = {
  async image(options) {
    await requireDocker();
    const { tag, id } = await build(options);
    console.log(`${tag}\n${id}`);
  },
  async up(options) {
    const session = await open(options);
    if (options.rotate !== undefined) await rotate(session, options.rotate);
    const started = performance.now();
    const { outputs } = await deploy(session, printing);
    console.log(
      `\n${session.stackName} is up, ${((performance.now() - started) / 1_000).toFixed(1)} s\n${describe(outputs, session)}`,
    );
  },
  async deploy({ stack, image = '', within }) {
    const withinSeconds = Number(within);
    if (!Number.isSafeInteger(withinSeconds) || withinSeconds < 1)
      throw new DeployError(`--within must be whole seconds from 1, got "${within}"`);
    await requireTools();
    const session = await openSession({ stackName: stack });
    const started = performance.now();
    const outcome = await release(session, { ...printing, image, withinSeconds });
    console.log(`\n${describeRelease(outcome, image)}, ${((performance.now() - started) / 1_000).toFixed(1)} s`);
    return releaseStatus[outcome.kind];
  },
  async preview(options) {
    const { stack } = await open(options);
    await stack.preview({ color: 'never', onOutput: printing.onOutput, policyPacks: [policyPack] });
  },
  backup: backUpStack,
  restore: restoreStack,
  async sbom() {
    console.log(await writeBillOfMaterials());
  },
  async down(options) {
    const session = await open(options);
    if (session.kind === 'prod') await confirm(session, options.confirm);
    await destroy(session, printing);
    console.log(
      `${session.stackName} is down${session.kind === 'prod' ? '; its volumes with data are kept' : ', nothing of it is left'}`,
    );
  },
};

/** A stack whose image is that of the work tree, built when the engine does not have it; prod keeps what is deployed. */
async function open(options: Options): Promise<Session> {
  await requireTools();
  const kind = await stackKind(options.stack);
  const overrides = kind === 'prod' ? {} : { serviceImage: (await build(options)).tag };
  const session = await openSession({ stackName: options.stack, overrides });
  const deployed = kind === 'prod' ? await deployedImage(session) : undefined;
  if (deployed !== undefined) await session.stack.setConfig('ticketing:serviceImage', { value: deployed });
  return session;
}

async function requireTools(): Promise<void> {
  await requirePulumi();
  await requireDocker();
}

function describeRelease(outcome: Release, image: string): string {
  if (outcome.kind === 'deployed') return `deployed ${image}, before it was ${outcome.former ?? 'nothing'}`;
  if (outcome.kind === 'rolled-back') return `rolled back: ${outcome.former} serves, ${image} does not: ${outcome.why}`;
  return `stuck, look at what serves (docker ps): ${outcome.why}`;
}

function build(options: Options) {
  return buildServiceImage({ ...options, onLine: (line) => console.log(line) });
}

async function rotate({ stack }: Session, name: string): Promise<void> {
  if (!(secretNames as readonly string[]).includes(name)) {
    throw new DeployError(`--rotate must be one of ${secretNames.join(', ')}, got "${name}"`);
  }
  await stack.setConfig(`ticketing:${name}`, { value: newSecret(), secret: true });
}

async function confirm({ stackName }: Session, confirmed: string | undefined): Promise<void> {
  if (confirmed === stackName) return;
  if (!process.stdin.isTTY)
    throw new DeployError(`To take ${stackName} away, confirm it: make down STACK=${stackName} CONFIRM=${stackName}`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`Take ${stackName} away? Type its name: `);
  terminal.close();
  if (answer !== stackName) throw new DeployError(`"${answer}" is not ${stackName}: nothing was done`);
}

function describe(outputs: OutputMap, { stackName, kind }: Session): string {
  const url = (name: string) =>
    outputs[name] === undefined ? [] : [`  ${name.padEnd(14)} ${String(outputs[name].value)}`];
  return [
    ...['apiUrl', 'prometheusUrl', 'grafanaUrl', 'serviceImage'].flatMap(url),
    `  watch          docker ps --filter label=ticketing.stack=${stackName}`,
    ...(kind === 'prod'
      ? []
      : [`  write          -H "authorization: Bearer $(cat infra/.state/${stackName}/api-token)"`]),
    `  down           make down STACK=${stackName}`,
  ].join('\n');
}

async function main(argv: readonly string[]): Promise<number> {
  let host: Awaited<ReturnType<typeof pinHost>>;
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        stack: { type: 'string', default: 'dev' },
        rotate: { type: 'string' },
        confirm: { type: 'string' },
        image: { type: 'string' },
        within: { type: 'string', default: '600' },
        to: { type: 'string' },
        from: { type: 'string' },
        base: { type: 'string' },
        'build-base': { type: 'string' },
        'build-network': { type: 'string' },
      },
    });
    const command = commands[positionals[0] ?? ''];
    if (command === undefined) throw new DeployError(usage);
    host = await pinHost(process.env);
    Object.assign(process.env, host?.environment);
    return (await command({ ...values, buildBase: values['build-base'], network: values['build-network'] })) ?? 0;
  } catch (error) {
    const isExpected = error instanceof DeployError;
    console.error(isExpected || !(error instanceof Error) ? String(isExpected ? error.message : error) : error.message);
    return isExpected ? nothingDone : 1;
  } finally {
    await host?.remove();
  }
}

process.exitCode = await main(process.argv.slice(2));
