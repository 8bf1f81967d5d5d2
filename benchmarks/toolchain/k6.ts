import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { toolsDirectory } from './locate-tool.ts';
import { runCommand } from './run-command.ts';
import { k6Version } from './tool.ts';

/** The project's own release page. Its checksums file has one `<sha256>  <file>` a line. */
const releaseUrl = `https://github.com/grafana/k6/releases/download/v${k6Version}`;
const downloadTimeoutMs = 300_000;

/** `go install` into `.tools/bin`. With -v go names each package that it compiles, which is all its progress. */
export async function buildK6(onDetail: (detail: string) => void): Promise<void> {
  await intoTools(async (scratch) => {
    const startedAt = performance.now();
    let lastLine = `go.k6.io/k6@v${k6Version}`;
    const tell = () =>
      onDetail(`${Math.round((performance.now() - startedAt) / 1000)} s, 90 to 180 s on two free cores: ${lastLine}`);
    const timer = setInterval(tell, 1000);
    try {
      await runCommand(['go', 'install', '-v', `go.k6.io/k6@v${k6Version}`], {
        environment: { GOBIN: scratch },
        onLine: (line) => (lastLine = line),
      });
    } finally {
      clearInterval(timer);
    }
    return join(scratch, 'k6');
  });
}

/** The project's release for this platform, into `.tools/bin`. @throws when its SHA-256 is not the published one */
export async function downloadK6(onDetail: (detail: string) => void): Promise<void> {
  await intoTools(async (scratch) => {
    const { file, folder } = release();
    onDetail(`${releaseUrl}/${file}`);
    const [archive, checksums] = await Promise.all([
      fetchBytes(`${releaseUrl}/${file}`),
      fetchBytes(`${releaseUrl}/k6-v${k6Version}-checksums.txt`),
    ]);
    verifyChecksum(file, archive, checksums.toString('utf8'));
    await writeFile(join(scratch, file), archive);
    // The tar of macOS reads zip archives too.
    await runCommand(['tar', '-xf', file], { cwd: scratch });
    return join(scratch, folder, 'k6');
  });
}

/** @throws unless `checksums` lists `file` with the SHA-256 of `bytes` */
export function verifyChecksum(file: string, bytes: Buffer, checksums: string): void {
  const lines = checksums.split('\n').map((line) => line.trim().split(/\s+\*?/));
  const published = lines.find(([, name]) => name === file)?.[0];
  if (published === undefined) throw new Error(`the release's checksums do not list ${file}`);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== published.toLowerCase()) {
    throw new Error(`${file} has SHA-256 ${actual}, its release says ${published}: it was not installed`);
  }
}

export function k6DownloadCommand(): string {
  const { file } = release();
  return `mkdir -p .tools/bin && curl -fsSL ${releaseUrl}/${file} | tar -xz --strip-components=1 -C .tools/bin`;
}

function release(): { readonly file: string; readonly folder: string } {
  const isMac = process.platform === 'darwin';
  const folder = `k6-v${k6Version}-${isMac ? 'macos' : 'linux'}-${process.arch === 'arm64' ? 'arm64' : 'amd64'}`;
  return { file: `${folder}.${isMac ? 'zip' : 'tar.gz'}`, folder };
}

async function fetchBytes(url: string): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(downloadTimeoutMs) });
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (cause) {
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    throw new Error(`could not download ${url}: ${reason instanceof Error ? reason.message : String(reason)}`, {
      cause,
    });
  }
}

/** Makes k6 in a scratch folder, then puts it into `.tools/bin` in one step: whoever looks sees all of it or nothing. */
async function intoTools(make: (scratch: string) => Promise<string>): Promise<void> {
  await mkdir(join(toolsDirectory, 'bin'), { recursive: true });
  const scratch = await mkdtemp(join(toolsDirectory, 'k6.'));
  try {
    await rename(await make(scratch), join(toolsDirectory, 'bin', 'k6'));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
