import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';

const repository = fileURLToPath(new URL('../..', import.meta.url));
/** What the image is made of, relative to the repository. */
const inputs = [
  'package.json',
  'package-lock.json',
  'service/Dockerfile',
  'service/Dockerfile.dockerignore',
  'service/src',
];

export interface ImageBases {
  /** Absent: the Dockerfile's own. */
  readonly base?: string | undefined;
  readonly buildBase?: string | undefined;
}

export interface ServiceImage {
  /** `ticketing-service:<12 hex of its content>`. */
  readonly tag: string;
  /** The last one that changed an input; with `-dirty` when an input has changes that are in no commit. */
  readonly commit: string;
}

/** The tag that the image of the work tree's content has, built or not. The same content has the same tag. */
async function describeServiceImage(bases: ImageBases = {}): Promise<ServiceImage> {
  const files = await git(['ls-files', '--cached', '--others', '--exclude-standard', '-z', '--', ...inputs]);
  const hash = createHash('sha256').update(JSON.stringify([bases.base ?? '', bases.buildBase ?? '']));
  for (const file of files
    .split('\0')
    .filter((name) => name !== '')
    .sort()) {
    hash.update(`${file}\0`).update(await readFile(join(repository, file)));
  }
  const commit = (await git(['log', '-1', '--format=%H', '--', ...inputs])).trim();
  const changes = await git(['status', '--porcelain', '--', ...inputs]);
  return {
    tag: `ticketing-service:${hash.digest('hex').slice(0, 12)}`,
    commit: changes === '' ? commit : `${commit}-dirty`,
  };
}

/**
 * Builds the image with the `docker` of the PATH unless the engine has it, and returns it with the engine's id of it.
 * `onLine` hears what the build prints. `network` is what the build's commands reach the package registry by.
 */
export async function buildServiceImage(
  options: ImageBases & { readonly network?: string | undefined; onLine(line: string): void },
): Promise<ServiceImage & { readonly id: string }> {
  const image = await describeServiceImage(options);
  const present = await imageId(image.tag);
  if (present !== undefined) return { ...image, id: present };
  const build = execa(
    'docker',
    [
      'build',
      '--file=service/Dockerfile',
      `--tag=${image.tag}`,
      `--build-arg=COMMIT=${image.commit}`,
      ...(options.base === undefined ? [] : [`--build-arg=BASE=${options.base}`]),
      ...(options.buildBase === undefined ? [] : [`--build-arg=BUILD_BASE=${options.buildBase}`]),
      ...(options.network === undefined ? [] : [`--network=${options.network}`]),
      '.',
    ],
    // Both builders understand the Dockerfile; this one reads the Dockerfile's own ignore file.
    { cwd: repository, env: { DOCKER_BUILDKIT: '1' }, all: true, reject: false, stdin: 'ignore' },
  );
  for await (const line of build.iterable({ from: 'all' })) options.onLine(line);
  const { failed, all } = await build;
  const id = failed ? undefined : await imageId(image.tag);
  if (id === undefined) throw new Error(`docker build of ${image.tag} failed: ${all.split('\n').slice(-8).join('\n')}`);
  return { ...image, id };
}

/** `undefined` when the engine has no such image. */
async function imageId(reference: string): Promise<string | undefined> {
  const { stdout, exitCode } = await execa('docker', ['image', 'inspect', '--format', '{{.Id}}', reference], {
    reject: false,
  });
  return exitCode === 0 ? stdout.trim() : undefined;
}

async function git(args: readonly string[]): Promise<string> {
  const { stdout } = await execa('git', args, { cwd: repository, stripFinalNewline: false });
  return stdout;
}
