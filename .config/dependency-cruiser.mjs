/** Who may import whom: the arrows of the house. `check-imports.ts` fails when nothing was cruised. */
const forbid = (name, comment, from, to) => ({ name, severity: 'error', comment, from: { path: from }, to });

export default {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^k6' } },
    forbid('lab-knows-no-service', 'The lab speaks to the service from outside.', '^(benchmarks|infra|dashboards)/', {
      path: '^service/',
    }),
    forbid('service-knows-no-lab', 'The service does not know that it is measured.', '^service/', {
      path: '^(benchmarks|infra|dashboards)/',
    }),
    forbid('only-main-composes', 'compose.ts is the composition root.', '^service/src/(?!main\\.ts)', {
      path: '^service/src/compose\\.ts$',
    }),
    forbid('nobody-imports-main', 'main.ts is the process.', '^service/src/', { path: '^service/src/main\\.ts$' }),
    forbid('catalog-is-pure', 'Rules and use cases know ports only.', '^service/src/catalog/', {
      path: '^service/src/(http|redis|seat-creation|database|telemetry)/',
    }),
    forbid('adapters-know-no-http', 'Adapters never import http.', '^service/src/(database|redis|telemetry)/', {
      path: '^service/src/http/',
    }),
    forbid(
      'claims-know-no-http',
      'A use case does not know who calls.',
      '^service/src/(performance-cache|seat-creation)/',
      {
        path: '^service/src/http/',
      },
    ),
    forbid('k6-imports-siblings', 'k6 resolves no packages of ours.', '^benchmarks/scenarios/', {
      pathNot: ['^benchmarks/scenarios/', '^k6', '^node_modules/@types/k6'],
    }),
    forbid(
      'analysis-is-pure',
      'From samples on, nothing runs: no process, no probe.',
      '^benchmarks/(analysis|report|gate)/',
      {
        path: '^benchmarks/(environments|load|probes|protocol|toolchain|faults)/',
      },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)test/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types'] },
  },
};
