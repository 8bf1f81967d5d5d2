import { execa } from 'execa';

import { isOlder } from '../../benchmarks/toolchain/locate-tool.ts';
import { DeployError } from './deploy-error.ts';

/** The one that the SDK of package.json was seen to work with. */
const oldestPulumi = '3.259.0';
/** Of Docker 20.10. */
const oldestApi = '1.41';

export type Environment = Readonly<Record<string, string>>;

/** @throws {DeployError} when there is no pulumi on the PATH, or an older one than the program was written for */
export async function requirePulumi(environment: Environment = {}): Promise<void> {
  const { stdout, failed, code } = await run('pulumi', ['version'], environment);
  if (code === 'ENOENT') {
    throw new DeployError(
      `pulumi is not on the PATH. Install it:\n  ${onThisSystem({ mac: 'brew install pulumi/tap/pulumi', linux: 'curl -fsSL https://get.pulumi.com | sh' })}`,
    );
  }
  const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0];
  if (failed || version === undefined)
    throw new DeployError(`pulumi does not tell its version, it says "${stdout}". Install it again.`);
  if (isOlder(version, oldestPulumi)) {
    throw new DeployError(
      `pulumi is ${version}, ${oldestPulumi} or later is needed. Upgrade it:\n  ${onThisSystem({ mac: 'brew upgrade pulumi', linux: 'curl -fsSL https://get.pulumi.com | sh' })}`,
    );
  }
}

/** @throws {DeployError} when there is no docker on the PATH, or its engine does not answer or is too old */
export async function requireDocker(environment: Environment = {}): Promise<void> {
  const { stdout, stderr, failed, code } = await run(
    'docker',
    ['version', '--format', '{{.Server.APIVersion}}'],
    environment,
  );
  if (code === 'ENOENT') {
    throw new DeployError(
      `docker is not on the PATH. Install it:\n  ${onThisSystem({ mac: 'brew install --cask docker', linux: 'sudo apt-get install -y docker.io' })}`,
    );
  }
  if (failed) throw new DeployError(unreachable(stderr));
  if (isOlder(stdout, oldestApi)) {
    throw new DeployError(
      `The Docker engine speaks API ${stdout}, ${oldestApi} (Docker 20.10) or later is needed. Upgrade the engine.`,
    );
  }
}

function unreachable(words: string): string {
  if (/host key verification failed|host key is known/i.test(words)) {
    return `The host's key is not one that is known for it: ${words.trim()}\nCompare it with the host itself, then correct its line: ~/.ssh/known_hosts, or DEPLOY_KNOWN_HOSTS`;
  }
  if (/permission denied/i.test(words)) {
    return 'The Docker engine refuses this user. Join its group, then log in again:\n  sudo usermod -aG docker "$USER"';
  }
  return `The Docker engine does not answer: ${words.trim()}\nStart it:\n  ${onThisSystem({ mac: 'open -a Docker', linux: 'sudo systemctl start docker' })}`;
}

function onThisSystem({ mac, linux }: { readonly mac: string; readonly linux: string }): string {
  return process.platform === 'darwin' ? mac : linux;
}

async function run(program: string, args: readonly string[], environment: Environment) {
  const { stdout, stderr, failed, code } = await execa(program, args, {
    env: environment,
    reject: false,
    timeout: 20_000,
  });
  return { stdout: stdout.trim(), stderr, failed, code };
}
