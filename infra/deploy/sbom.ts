import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { z } from 'zod';

const repository = fileURLToPath(new URL('../..', import.meta.url));

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.looseObject({
      version: z.string().optional(),
      dev: z.boolean().optional(),
      optional: z.boolean().optional(),
      devOptional: z.boolean().optional(),
    }),
  ),
});

const bomSchema = z.looseObject({
  components: z.array(z.looseObject({ 'bom-ref': z.string(), name: z.string(), version: z.string() })),
  dependencies: z.array(z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()).default([]) })),
  metadata: z.looseObject({ component: z.looseObject({ 'bom-ref': z.string() }) }),
});

export type BillOfMaterials = z.infer<typeof bomSchema>;

/** `name@version` of the packages that the image has: what `npm ci --omit=dev --omit=optional` installs. */
export function installedInImage(packageLock: unknown): ReadonlySet<string> {
  const { packages } = lockSchema.parse(packageLock);
  return new Set(
    Object.entries(packages).flatMap(([path, { version, dev, optional, devOptional }]) => {
      const name = path.split('node_modules/').at(-1);
      return name && version && !dev && !optional && !devOptional ? [`${name}@${version}`] : [];
    }),
  );
}

/**
 * The npm packages of the service's image, Node.js among them, as CycloneDX with versions, licences and hashes: npm's
 * own list of all packages, less those that the image is built without. (`npm sbom --omit=dev` leaves out as well what
 * both the service and a tool for development need: npm 11.19 gave 67 of 83.)
 */
export async function serviceBillOfMaterials(): Promise<BillOfMaterials> {
  const arguments_ = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'];
  const { stdout } = await execa('npm', arguments_, { cwd: repository });
  const bom = bomSchema.parse(JSON.parse(stdout));
  const kept = installedInImage(JSON.parse(await readFile(join(repository, 'package-lock.json'), 'utf8')));
  const isKept = (ref: string): boolean => kept.has(ref) || ref === bom.metadata.component['bom-ref'];
  return {
    ...bom,
    components: bom.components.filter(({ name, version }) => kept.has(`${name}@${version}`)),
    dependencies: bom.dependencies
      .filter(({ ref }) => isKept(ref))
      .map((dependency) => ({ ...dependency, dependsOn: dependency.dependsOn.filter(isKept) })),
  };
}

/** Writes it where the workflow takes it from, and says where. */
export async function writeBillOfMaterials(): Promise<string> {
  const bom = await serviceBillOfMaterials();
  const file = join(repository, '.data/sbom.cdx.json');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(bom, null, 2)}\n`);
  return `${file}: ${bom.components.length} packages`;
}
