import type { ICruiseOptions, IRegularForbiddenRuleType } from 'dependency-cruiser';

/**
 * Who may import whom: the arrows of the house. `check-imports.ts` applies them, and proves each of them first with
 * an import that it must catch.
 */
export const importRules: readonly IRegularForbiddenRuleType[] = [
  forbid('no-circular', 'A cycle is one module in two files.', {}, { circular: true }),
  forbid('no-unresolvable', 'It is not there.', {}, { couldNotResolve: true, pathNot: '^k6(/|$)' }),
  forbid(
    'lab-knows-no-service',
    'The lab and the infrastructure speak to the service from outside.',
    { path: '^(benchmarks|infra|dashboards)/' },
    { path: '^service/' },
  ),
  forbid(
    'infra-borrows-tools-only',
    'The program deploys; of the lab it takes where tools are, of the dashboards what is deployed.',
    { path: '^infra/' },
    {
      path: '^(benchmarks|dashboards)/',
      pathNot: '^(benchmarks/toolchain/|dashboards/alertmanager-configuration\\.ts$)',
    },
  ),
  forbid(
    'lab-deploys-in-one-place',
    'Containers come from the program that deploys them; everything else of the lab knows containers, and no program.',
    { path: '^benchmarks/', pathNot: '^benchmarks/environments/container(s|-stacks)\\.ts$' },
    { path: '^infra/' },
  ),
  forbid(
    'lab-takes-the-program-whole',
    'The lab opens, deploys and destroys stacks, and knows names and ports; how a stack is made is not its business.',
    { path: '^benchmarks/' },
    {
      path: '^infra/',
      pathNot:
        '^infra/(deploy/(stack-session|deploy-stack|requirements|service-image)|config|images|components/ticketing-service)\\.ts$',
    },
  ),
  forbid(
    'service-knows-no-lab',
    'The service does not know that it is measured.',
    { path: '^service/', pathNot: '/test/' },
    { path: '^(benchmarks|infra|dashboards)/' },
  ),
  forbid(
    'service-tests-borrow-servers-only',
    'Tests of the service start real servers with the lab, and take nothing else from it.',
    { path: '^service/.*/?test/' },
    {
      path: '^(benchmarks|infra|dashboards)/',
      pathNot: '^benchmarks/(toolchain/|environments/(redis|postgres)-server\\.ts$)',
    },
  ),
  forbid('sources-know-no-tests', 'Tests import sources.', { pathNot: '/test/' }, { path: '/test/' }),
  forbid('nobody-imports-main', 'main.ts is the process.', {}, { path: '^service/src/main\\.ts$' }),
  forbid(
    'only-main-composes',
    'compose.ts is the composition root.',
    { path: '^service/src/', pathNot: '^service/src/(main|seed)\\.ts$' },
    { path: '^service/src/compose\\.ts$' },
  ),
  forbid(
    'catalog-is-pure',
    'Rules and use cases know ports only.',
    { path: '^service/src/catalog/' },
    {
      path: '^service/src/(http|redis|seat-creation|performance-cache|database|telemetry)/',
      pathNot: '^service/src/performance-cache/performance-cache\\.ts$',
    },
  ),
  forbid(
    'claims-know-no-callers',
    'A use case knows neither who calls nor which database answers.',
    { path: '^service/src/(performance-cache|seat-creation)/' },
    { path: '^service/src/(http/|database/(sqlite|postgres)/)' },
  ),
  forbid(
    'http-knows-no-adapters',
    'http speaks to the catalog and to ports.',
    { path: '^service/src/http/' },
    { path: '^service/src/(database|redis)/', pathNot: '^service/src/database/database\\.ts$' },
  ),
  forbid(
    'adapters-know-no-http',
    'Adapters never import http.',
    { path: '^service/src/(database|redis|telemetry)/' },
    { path: '^service/src/http/' },
  ),
  forbid(
    'k6-imports-siblings',
    'k6 resolves no packages of ours.',
    { path: '^benchmarks/scenarios/' },
    { pathNot: ['^benchmarks/scenarios/', '^k6(/|$)', '^node_modules/@types/k6/'] },
  ),
  forbid(
    'analysis-is-pure',
    'From samples on nothing runs: no process, no probe.',
    { path: '^benchmarks/(analysis|report|gate)/' },
    { path: '^benchmarks/(environments|load|probes|protocol|toolchain|faults|gate-run|selftest)/' },
  ),
  forbid(
    'faults-know-no-runner',
    'A fault says what it does and what it saw; who runs and prints it is not its business.',
    { path: '^benchmarks/faults/' },
    {
      path: '^benchmarks/(protocol|report|experiments)/',
      pathNot: '^benchmarks/protocol/(trial-experiment|experiment)\\.ts$',
    },
  ),
  forbid(
    'protocol-knows-no-experiment',
    'The protocol runs any experiment, and any fault.',
    { path: '^benchmarks/(protocol|environments|probes|toolchain|evidence)/' },
    { path: '^benchmarks/(experiments|faults|gate|gate-run|selftest)/' },
  ),
];

export const cruiseOptions: ICruiseOptions = {
  doNotFollow: { path: 'node_modules' },
  exclude: { path: '/fixtures/' },
  // `import type` counts: a type ties two modules together as a value does.
  tsPreCompilationDeps: true,
  enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types'] },
};

function forbid(
  name: string,
  comment: string,
  from: IRegularForbiddenRuleType['from'],
  to: IRegularForbiddenRuleType['to'],
): IRegularForbiddenRuleType {
  return { name, comment, severity: 'error', from, to };
}
