import { requireTool } from '../toolchain/require-tool.ts';
import { runCommand } from '../toolchain/run-command.ts';

/**
 * The path of strace, or `undefined` and a warning where there is none or it may not trace.
 * @throws instead when REQUIRE_ALL=1
 */
export async function findStrace(): Promise<string | undefined> {
  try {
    const { path } = await requireTool('strace');
    await runCommand([path, '--output=/dev/null', 'true']);
    return path;
  } catch (error) {
    if (process.env['REQUIRE_ALL'] === '1') throw error;
    console.warn(`SKIPPED what needs strace: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
