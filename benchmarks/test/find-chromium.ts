import { type Tool } from '../toolchain/tool.ts';
import { toolOrSkip } from '../toolchain/tool-or-skip.ts';

/**
 * A Chromium, installed where the machine has none; `undefined` and a line that says so where it can't be.
 * @throws {ToolMissingError} instead when REQUIRE_ALL=1
 */
export function findChromium(): Promise<Tool | undefined> {
  const leftOut = 'reports as they are in a browser, with axe-core, on a phone and on paper';
  return toolOrSkip('chromium', { leftOut, say: (line) => console.warn(line) });
}
