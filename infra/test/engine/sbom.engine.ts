import { execa } from 'execa';
import { describe, expect, inject, test } from 'vitest';
import { z } from 'zod';

import { serviceBillOfMaterials } from '../../deploy/sbom.ts';

const engine = inject('engine');

/** Each package.json under /app/node_modules that names a package, in the image itself. */
const listing = `
const { readdirSync, readFileSync } = require('node:fs');
const found = [];
for (const path of readdirSync('/app/node_modules', { recursive: true })) {
  if (!/(^|node_modules\\/)(@[^/]+\\/)?[^/@]+\\/package\\.json$/.test(path)) continue;
  const { name, version } = JSON.parse(readFileSync('/app/node_modules/' + path, 'utf8'));
  if (name && version) found.push(name + '@' + version);
}
console.log(JSON.stringify({ found, node: process.versions.node }));
`;

describe.skipIf(engine === undefined)('the list of what is in the service’s image', () => {
  test('has every package of the image in its version, Node.js too, and no other', async () => {
    const image = engine?.serviceImage.tag ?? '';
    const { stdout } = await execa('docker', ['run', '--rm', '--network=none', image, '-e', listing]);
    const { found, node } = z.object({ found: z.array(z.string()), node: z.string() }).parse(JSON.parse(stdout));
    const { components } = await serviceBillOfMaterials();
    const listed = components.map(({ name, version }) => `${name}@${version}`);
    expect(found.length).toBeGreaterThan(50);
    expect([...new Set([...found, `node@${node}`])].toSorted()).toEqual(listed.toSorted());
  });
});
