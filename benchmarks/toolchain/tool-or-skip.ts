import { requireTool, ToolMissingError } from './require-tool.ts';
import type { Tool, ToolName } from './tool.ts';

/**
 * The tool, installed where this machine has none. Where it can't be: `undefined`, and one line that begins with
 * SKIPPED, names what was left out, and ends with the command that gets the tool.
 * @param leftOut what is not done without it: `the tests of the alerts`
 * @throws {ToolMissingError} instead when REQUIRE_ALL=1
 */
export async function toolOrSkip(
  name: ToolName,
  { leftOut, say }: { readonly leftOut: string; readonly say: (line: string) => void },
): Promise<Tool | undefined> {
  try {
    return await requireTool(name);
  } catch (error) {
    if (!(error instanceof ToolMissingError) || process.env['REQUIRE_ALL'] === '1') throw error;
    say(`SKIPPED  ${leftOut}: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`);
    return undefined;
  }
}
