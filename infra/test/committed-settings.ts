import { readFile } from 'node:fs/promises';

import { parse } from 'yaml';
import { z } from 'zod';

import { imageNames } from '../images.ts';

const pinned = (name: string): string => `registry.example/${name}@sha256:${'0'.repeat(64)}`;
const imagesOfProd = Object.fromEntries(imageNames.map((name) => [name, pinned(name)]));

/** As Pulumi.<stack>.yaml has it, with what it leaves to whoever deploys. */
export async function settingsOf(stackName: string): Promise<Record<string, unknown>> {
  const text = await readFile(new URL(`../Pulumi.${stackName}.yaml`, import.meta.url), 'utf8');
  const { config } = z.object({ config: z.record(z.string(), z.unknown()) }).parse(parse(text));
  const settings = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace('ticketing:', ''), value]),
  );
  return stackName === 'prod'
    ? { ...settings, serviceImage: pinned('ticketing-service'), images: imagesOfProd }
    : { ...settings, serviceImage: 'ticketing-service:0123456789ab' };
}
