import { execa } from 'execa';
import type { TestProject } from 'vitest/node';

import type { ImageName } from '../../images.ts';
import { buildServiceImage } from '../../deploy/service-image.ts';
import { importServiceBases, importStackImages } from './local-images.ts';
import { startPrivateEngine, whyNoEngine } from './private-engine.ts';

export interface EngineForTests {
  readonly folder: string;
  readonly images: Readonly<Partial<Record<ImageName, string>>>;
  readonly serviceImage: { readonly tag: string; readonly id: string; readonly commit: string };
  readonly bases: { readonly base: string; readonly buildBase: string };
  /** Whether the stacks can be deployed with Pulumi itself. */
  readonly hasPulumi: boolean;
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** `undefined`: there is none, and why was said. */
    engine: EngineForTests | undefined;
  }
}

/** One private engine for the whole run, with stand-ins for every image; the workers find it in their environment. */
export default async function setup({ provide }: TestProject): Promise<(() => Promise<void>) | undefined> {
  const why = whyNoEngine();
  if (why !== undefined) {
    leaveOut(`everything on a Docker engine: ${why}`);
    provide('engine', undefined);
    return undefined;
  }
  const engine = await startPrivateEngine();
  try {
    Object.assign(process.env, engine.environment);
    const images = await importStackImages(engine);
    const bases = await importServiceBases(engine);
    const serviceImage = await buildServiceImage({ ...bases, network: 'host', onLine: () => {} });
    const hasPulumi = (await execa('pulumi', ['version'], { reject: false })).exitCode === 0;
    if (!hasPulumi) leaveOut('deploying with Pulumi: it is not on the PATH');
    provide('engine', { folder: engine.folder, images, serviceImage, bases, hasPulumi });
    return () => engine.stop();
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

function leaveOut(what: string): void {
  if (process.env['REQUIRE_ALL'] === '1') throw new Error(`REQUIRE_ALL=1, and left out would be ${what}`);
  console.error(`\n*** LEFT OUT: ${what}\n`);
}
