import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { runCommand } from './run-command.ts';
import { k6Version } from './tool.ts';
import { putIntoToolsBin } from './tools-bin.ts';

/** The project's own release page. Its checksums file has one `<sha256>  <file>` a line. */
const releaseUrl = `https://github.com/grafana/k6/releases/download/v${k6Version}`;
const downloadTimeoutMs = 300_000;

/** The project's release for this platform, into `.tools/bin`. @throws when its SHA-256 is not the published one */
export async function downloadK6(onDetail: (detail: string) => void): Promise<void> {
  await putIntoToolsBin('k6', async (scratch) => {
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
