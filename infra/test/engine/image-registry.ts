import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spawn } from 'node:child_process';

import { execa } from 'execa';

import { toolsDirectory } from '../../../benchmarks/toolchain/locate-tool.ts';
import { unpackOnce } from './unpack-once.ts';

export interface ImageRegistry {
  /** Pushes an image of the engine, takes it off the engine, and returns `127.0.0.1:<port>/<name>@sha256:…`. */
  publish(image: string, name: string): Promise<string>;
  stop(): Promise<void>;
}

/** A registry on loopback, from Debian's package: what gives images their digests, and what engines pull from. */
export async function startImageRegistry(): Promise<ImageRegistry> {
  await unpackOnce('docker-registry', ['docker-registry']);
  const scratch = await mkdtemp(join(tmpdir(), 'registry-'));
  const settings = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: join(scratch, 'data') } },
    http: { addr: '127.0.0.1:0' },
  };
  // JSON is YAML.
  await writeFile(join(scratch, 'config.yml'), JSON.stringify(settings));
  const registry = spawn(join(toolsDirectory, 'docker-registry/usr/bin/docker-registry'), [
    'serve',
    join(scratch, 'config.yml'),
  ]);
  const ended = once(registry, 'exit');
  const address = await Promise.race([
    firstMatch(registry.stderr, /listening on (127\.0\.0\.1:\d+)/),
    ended.then(() => {
      throw new Error('docker-registry has ended before it listened');
    }),
  ]);
  return {
    async publish(image, name) {
      const tag = `${address}/${name}`;
      await execa('docker', ['tag', image, tag]);
      await execa('docker', ['push', '--quiet', tag]);
      const { stdout } = await execa('docker', ['image', 'inspect', '--format={{json .RepoDigests}}', tag]);
      const digests: unknown = JSON.parse(stdout);
      const digest = Array.isArray(digests) ? digests.find((one) => String(one).startsWith(`${tag}@`)) : undefined;
      if (digest === undefined) throw new Error(`${tag} was pushed and has no digest: ${stdout}`);
      await execa('docker', ['rmi', tag, image]);
      return String(digest);
    },
    async stop() {
      registry.kill('SIGTERM');
      await ended;
      await rm(scratch, { recursive: true });
    },
  };
}

/** Reads on after it, so that the writer never waits. */
function firstMatch(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  return new Promise((resolve) => {
    createInterface({ input: stream }).on('line', (line) => {
      const found = pattern.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
}
