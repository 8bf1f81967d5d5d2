import { installCommand, type Installation, installations } from './installations.ts';
import { searchTool } from './locate-tool.ts';
import { type Tool, toolDefinitions, type ToolName } from './tool.ts';

/** Programs that are missing and could not be installed. The message ends with the one command to run, if there is one. */
export class ToolMissingError extends Error {
  override readonly name = 'ToolMissingError';
  readonly tools: readonly ToolName[];
  /** Why there is none, in sentences. */
  readonly reasons: readonly string[];

  constructor(tools: readonly ToolName[], reasons: readonly string[], command: string) {
    const remedy =
      command === ''
        ? [`Put ${tools.join(', ')} on the PATH, then run the same command again.`]
        : ['Run this, then the same command again:', `  ${command}`];
    super([...reasons, ...remedy].join('\n'));
    this.tools = tools;
    this.reasons = reasons;
  }
}

/**
 * The tool, installed first when this machine has none that is new enough. `onStep` hears what is being done, in
 * words, several times a second while something is being built.
 * @throws {ToolMissingError}
 */
export async function requireTool(name: ToolName, onStep: (step: string) => void = () => {}): Promise<Tool> {
  const first = await searchTool(name);
  for (const sentence of first.passedOver) onStep(`${name}: passed over ${sentence}`);
  if (first.tool !== undefined) return first.tool;

  const failures: string[] = [];
  for (const installation of installations[name]) {
    if (!(await installation.isPossible())) continue;
    const failure = await install(name, installation, onStep);
    if (failure === undefined) {
      const { tool, passedOver } = await searchTool(name);
      if (tool !== undefined) return tool;
      failures.push(`${installation.title} ended well, but ${passedOver.join(', ') || 'left no usable program'}`);
    } else {
      failures.push(failure);
    }
  }
  throw new ToolMissingError([name], explain(name, first.passedOver, failures), await installCommand([name]));
}

async function install(
  name: ToolName,
  installation: Installation,
  onStep: (step: string) => void,
): Promise<string | undefined> {
  onStep(`${name}: ${installation.title}`);
  try {
    await installation.run((detail) => onStep(`${name}: ${installation.title}: ${detail}`));
    return undefined;
  } catch (error) {
    const failure = `${installation.title} failed: ${error instanceof Error ? error.message : String(error)}`;
    onStep(`${name}: ${failure}`);
    return failure;
  }
}

function explain(name: ToolName, passedOver: readonly string[], failures: readonly string[]): string[] {
  const { minimumVersion, neededFor } = toolDefinitions[name];
  return [
    `${name} ${minimumVersion} or later is needed for ${neededFor}, and is not on this machine.`,
    ...passedOver.map((sentence) => `Passed over: ${sentence}.`),
    ...(failures.length === 0 ? ['Nothing here can install it without your help.'] : failures),
  ];
}
