import { delimiter, dirname, relative } from 'node:path';

import { installCommand } from './installations.ts';
import { createProgress, type ProgressOutput } from './progress.ts';
import { requireTool, ToolMissingError } from './require-tool.ts';
import type { Tool, ToolName } from './tool.ts';

/**
 * Finds each tool, or installs it, and prints its name, version, origin and path; while something is being
 * installed, what is being done.
 * @throws {ToolMissingError} for all together that can't be had
 */
export async function setUpTools(names: readonly ToolName[], output: ProgressOutput): Promise<readonly Tool[]> {
  const progress = createProgress(output);
  const tools: Tool[] = [];
  const missing: ToolMissingError[] = [];
  for (const name of names) {
    try {
      const tool = await requireTool(name, (step) => progress.step(step));
      progress.line(describeTool(tool));
      tools.push(tool);
    } catch (error) {
      if (!(error instanceof ToolMissingError)) throw error;
      missing.push(error);
    }
  }
  if (missing.length === 0) return tools;
  const missingNames = missing.flatMap((error) => error.tools);
  const reasons = missing.flatMap((error) => error.reasons);
  throw new ToolMissingError(missingNames, reasons, await installCommand(missingNames));
}

/** This process's environment, in which a program that is started by its name is the tool that was set up, and node us. */
export function environmentWith(tools: readonly Tool[]): NodeJS.ProcessEnv {
  const folders = [process.execPath, ...tools.map(({ path }) => path)].map(dirname);
  return Object.assign({}, process.env, ...tools.map(({ environment }) => environment), {
    PATH: [...folders, process.env['PATH'] ?? ''].join(delimiter),
  });
}

function describeTool({ name, version, origin, path }: Tool): string {
  const shown = relative(process.cwd(), path);
  return `${name.padEnd(13)} ${version.padEnd(9)} from ${origin}: ${shown.startsWith('..') ? path : shown}`;
}
