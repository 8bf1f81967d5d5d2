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

/** Of a preview's text, the mandatory violations; what it says at its end when there are none. */
export function reasonsOf(printed: string): string {
  const lines = printed.split('\n');
  const violations = lines.flatMap((line, index) =>
    line.includes('[mandatory]') ? [line.trim(), ...sentencesAfter(lines, index)] : [],
  );
  const errors = lines.filter((line) => /^\s*error: (?!preview failed)/.test(line)).map((line) => line.trim());
  return [...violations, ...errors].map((line) => `  ${line}`).join('\n') || printed.slice(-2_000);
}

/** A violation's description and message are indented below it. */
function sentencesAfter(lines: readonly string[], index: number): readonly string[] {
  const indent = (line: string): number => line.length - line.trimStart().length;
  const depth = indent(lines[index] ?? '');
  const rest = lines.slice(index + 1);
  const end = rest.findIndex((line) => line.trim() === '' || indent(line) <= depth);
  return rest.slice(0, end === -1 ? rest.length : end).map((line) => `  ${line.trim()}`);
}
