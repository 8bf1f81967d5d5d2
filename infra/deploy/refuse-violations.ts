import { fileURLToPath } from 'node:url';

import { CommandError } from '@pulumi/pulumi/automation/index.js';

import { DeployError } from './deploy-error.ts';
import type { Session } from './stack-session.ts';

export const policyPack = fileURLToPath(new URL('../policy', import.meta.url));

/**
 * Previews the deployment under the policies: Pulumi itself sees a violation when it comes to the resource, and has
 * changed others by then.
 * @throws {DeployError} with what is violated, or is wrong with the configuration; nothing was changed
 */
export async function refuseViolations({ stack, stackName }: Pick<Session, 'stack' | 'stackName'>): Promise<void> {
  let printed = '';
  try {
    await stack.preview({
      color: 'never',
      suppressProgress: true,
      onOutput: (text) => (printed += text),
      policyPacks: [policyPack],
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new DeployError(`${stackName} can't be deployed like this, nothing was changed:\n${reasonsOf(printed)}`);
  }
}

/** Of a preview's text, the mandatory violations and the errors; its end when there are none. */
export function reasonsOf(printed: string): string {
  const lines = printed.split('\n');
  const blocks = lines.flatMap((line, index) => {
    if (line.includes('[mandatory]')) return [line, ...linesBelow(lines, index, (depth) => depth + 1)];
    return /^\s*error: (?!preview failed)/.test(line) ? [line, ...linesBelow(lines, index, (depth) => depth)] : [];
  });
  const sentences = blocks
    .map((line) => line.trim().replace(/^error: (Unhandled exception: \w+: )?/, ''))
    .filter((sentence) => !sentence.startsWith('at '));
  return [...new Set(sentences)].map((sentence) => `  ${sentence}`).join('\n') || printed.slice(-2_000);
}

/** The lines after this one that are indented by so much at least, up to the next message. */
function linesBelow(lines: readonly string[], index: number, least: (depth: number) => number): readonly string[] {
  const depthOf = (line: string): number => line.length - line.trimStart().length;
  const depth = least(depthOf(lines[index] ?? ''));
  const rest = lines.slice(index + 1);
  const end = rest.findIndex(
    (line) => line.trim() === '' || depthOf(line) < depth || /^\s*(error|warning): /.test(line),
  );
  return rest.slice(0, end === -1 ? rest.length : end);
}
