import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

import { cruise, type ICruiseResult } from 'dependency-cruiser';
import extractTypeScriptConfiguration from 'dependency-cruiser/config-utl/extract-ts-config';

import { cruiseOptions, importRules } from './import-rules.ts';

/**
 * An import that each rule must catch, as [who imports, what]. The two files are made in a scratch folder and
 * cruised by the same rules: a rule that catches nothing there would catch nothing here either.
 */
const wrongImports: Readonly<Record<string, readonly [from: string, to: string]>> = {
  'no-circular': ['service/src/catalog/circle.ts', 'service/src/catalog/circle.ts'],
  'no-unresolvable': ['service/src/catalog/hall.ts', 'service/src/catalog/missing.ts'],
  'lab-knows-no-service': ['benchmarks/probes/cheat.ts', 'service/src/catalog/model.ts'],
  'infra-borrows-tools-only': ['infra/stack.ts', 'benchmarks/load/load.ts'],
  'lab-deploys-in-one-place': ['benchmarks/faults/cheat.ts', 'infra/deploy/stack-session.ts'],
  'lab-takes-the-program-whole': ['benchmarks/environments/containers.ts', 'infra/components/redis.ts'],
  'service-knows-no-lab': ['service/src/http/cheat.ts', 'benchmarks/load/load.ts'],
  'service-tests-borrow-servers-only': ['service/test/cheat.test.ts', 'benchmarks/evidence/schema.ts'],
  'sources-know-no-tests': ['service/src/catalog/cheat.ts', 'service/test/fake-catalog.ts'],
  'nobody-imports-main': ['service/test/main.test.ts', 'service/src/main.ts'],
  'only-main-composes': ['service/src/http/app.ts', 'service/src/compose.ts'],
  'catalog-is-pure': ['service/src/catalog/list.ts', 'service/src/database/queries.ts'],
  'claims-know-no-callers': ['service/src/performance-cache/look-aside.ts', 'service/src/http/problem.ts'],
  'http-knows-no-adapters': ['service/src/http/routes.ts', 'service/src/redis/client.ts'],
  'adapters-know-no-http': ['service/src/telemetry/admin-server.ts', 'service/src/http/router.ts'],
  'k6-imports-siblings': ['benchmarks/scenarios/reads.ts', 'benchmarks/evidence/samples.ts'],
  'analysis-is-pure': ['benchmarks/analysis/verdict.ts', 'benchmarks/probes/cpu.ts'],
  'faults-know-no-runner': ['benchmarks/faults/zombie.ts', 'benchmarks/protocol/run-trials.ts'],
  'protocol-knows-no-experiment': ['benchmarks/protocol/run-trials.ts', 'benchmarks/faults/fault-suite.ts'],
};
const mustNotExist = 'no-unresolvable';

/** Fewer than this, and the check was blind: it read the wrong folder, or could not read TypeScript. */
const fewestModules = 40;
const folders = ['service', 'benchmarks', 'infra', 'dashboards'];

async function cruiseFolders(baseDir: string): Promise<ICruiseResult> {
  const present = folders.filter((folder) => existsSync(join(baseDir, folder)));
  const options = { ...cruiseOptions, baseDir, ruleSet: { forbidden: [...importRules] }, validate: true };
  const { output } = await cruise(present, options, undefined, {
    tsConfig: extractTypeScriptConfiguration('tsconfig.json'),
  });
  if (typeof output === 'string') throw new Error(`dependency-cruiser answered in words: ${output}`);
  return output;
}

/** The names of the rules that let their wrong import pass, or have none to be tried with. */
async function blindRules(): Promise<readonly string[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'wrong-imports-'));
  try {
    for (const [rule, [from, to]] of Object.entries(wrongImports)) {
      if (rule !== mustNotExist) await writeModule(join(scratch, to), '');
      const specifier = `./${relative(dirname(from), to)}`;
      await writeModule(join(scratch, from), `import '${specifier}';\n`);
    }
    const { summary } = await cruiseFolders(scratch);
    const caught = new Set(
      summary.violations.filter(({ rule, from }) => wrongImports[rule.name]?.[0] === from).map(({ rule }) => rule.name),
    );
    return importRules.map(({ name }) => name ?? '').filter((name) => !caught.has(name));
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function writeModule(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

const problems: string[] = [];
const blind = await blindRules();
if (blind.length > 0) problems.push(`rules that do not catch their wrong import: ${blind.join(', ')}`);

const { modules, summary } = await cruiseFolders(process.cwd());
const cruised = modules.filter(({ source }) => folders.some((folder) => source.startsWith(`${folder}/`)));
if (cruised.length < fewestModules) {
  problems.push(`only ${cruised.length} modules were seen, at least ${fewestModules} are there: the check is blind`);
}
for (const { rule, from, to } of summary.violations) {
  problems.push(`${rule.name}: ${from} imports ${to} (${importRules.find(({ name }) => name === rule.name)?.comment})`);
}

for (const problem of problems) console.error(problem);
console.log(`${cruised.length} modules, ${importRules.length} rules, each of which catches its wrong import`);
process.exitCode = problems.length === 0 ? 0 : 1;
