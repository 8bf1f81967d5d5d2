import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';

import type { OutputMap } from '@pulumi/pulumi/automation/index.js';

import { secretNames } from '../config.ts';
import { backUpStack, restoreStack } from './backup-commands.ts';
import { DeployError } from './deploy-error.ts';
import { deploy, type DeployOptions, destroy } from './deploy-stack.ts';
import { policyPack } from './refuse-violations.ts';
import { requireDocker, requirePulumi } from './requirements.ts';
import { buildServiceImage, type ImageBases } from './service-image.ts';
import { newSecret, openSession, type Session, stackKind } from './stack-session.ts';

const usage = `usage: node infra/deploy/cli.ts image|up|preview|down|backup|restore [--stack dev] [--rotate databasePassword] [--confirm prod]
       [--base IMAGE] [--build-base IMAGE] [--build-network host]
       backup [--stack dev] [--to FOLDER]
       restore [--stack dev] --from FOLDER [--confirm prod]`;

interface Options extends ImageBases {
  readonly stack: string;
  readonly network?: string | undefined;
  readonly rotate?: string | undefined;
  readonly confirm?: string | undefined;
  readonly to?: string | undefined;
  readonly from?: string | undefined;
}

const printing: DeployOptions = {
  onOutput: (text) => process.stdout.write(text),
  onStep: (step) => console.log(step),
};

const commands: Readonly<Record<string, (options: Options) => Promise<void>>> = {
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
  async preview(options) {
    const { stack } = await open(options);
    await stack.preview({ color: 'never', onOutput: printing.onOutput, policyPacks: [policyPack] });
  },
  backup: backUpStack,
  restore: restoreStack,
  async down(options) {
    const session = await open(options);
    if (session.kind === 'prod') await confirm(session, options.confirm);
    await destroy(session, printing);
    console.log(
      `${session.stackName} is down${session.kind === 'prod' ? '; its volumes with data are kept' : ', nothing of it is left'}`,
    );
  },
};

/** A stack whose image is that of the work tree, built when the engine does not have it; prod names its own. */
async function open(options: Options): Promise<Session> {
  await requirePulumi();
  await requireDocker();
  const kind = await stackKind(options.stack);
  const overrides = kind === 'prod' ? {} : { serviceImage: (await build(options)).tag };
  return openSession({ stackName: options.stack, overrides });
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
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        stack: { type: 'string', default: 'dev' },
        rotate: { type: 'string' },
        confirm: { type: 'string' },
        to: { type: 'string' },
        from: { type: 'string' },
        base: { type: 'string' },
        'build-base': { type: 'string' },
        'build-network': { type: 'string' },
      },
    });
    const command = commands[positionals[0] ?? ''];
    if (command === undefined) throw new DeployError(usage);
    await command({ ...values, buildBase: values['build-base'], network: values['build-network'] });
    return 0;
  } catch (error) {
    const isExpected = error instanceof DeployError;
    console.error(isExpected || !(error instanceof Error) ? String(isExpected ? error.message : error) : error.message);
    return isExpected ? 4 : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
