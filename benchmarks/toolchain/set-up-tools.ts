import { delimiter, dirname, relative } from 'node:path';

import { createProgress, type ProgressOutput } from './progress.ts';
import { requireTool } from './require-tool.ts';
import type { Tool, ToolName } from './tool.ts';

/**
 * Finds each tool, or installs it, and prints its name, version, origin and path; while something is being
 * installed, what is being done.
 * @throws {ToolMissingError} for the first that can't be had
 */
export async function setUpTools(names: readonly ToolName[], output: ProgressOutput): Promise<readonly Tool[]> {
  const progress = createProgress(output);
  const tools: Tool[] = [];
  for (const name of names) {
    const tool = await requireTool(name, (step) => progress.step(step));
    progress.line(describeTool(tool));
    tools.push(tool);
  }
  return tools;
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
