import { findOnPath } from '../toolchain/on-path.ts';

/**
 * The path of a Chromium, or `undefined` and a warning where the machine has none.
 * @throws instead when REQUIRE_ALL=1
 */
export async function findChromium(): Promise<string | undefined> {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const path = await findOnPath(name);
    if (path !== undefined) return path;
  }
  const missing = 'Chromium is not on the PATH: sudo apt-get install -y chromium';
  if (process.env['REQUIRE_ALL'] === '1') throw new Error(missing);
  console.warn(`SKIPPED what looks at reports in a browser: ${missing}`);
  return undefined;
}
