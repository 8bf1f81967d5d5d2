import type { ResourceValidationPolicy } from '@pulumi/policy';

import { containerPolicy, isService, isStarted } from './container-policy.ts';

export const operationPolicies: readonly ResourceValidationPolicy[] = [
  containerPolicy('named', 'A container is found by its project, its stack and its part.', (container) => {
    const expected = `ticketing-${container.labels['ticketing.stack'] ?? '<stack>'}-${container.labels['ticketing.component'] ?? '<component>'}`;
    return container.name === expected ? undefined : `its name must be ${expected}`;
  }),
  containerPolicy('labelled', 'What belongs to a stack says so.', ({ labels }) => {
    const missing = ['project', 'stack', 'kind', 'component'].filter((label) => !labels[`ticketing.${label}`]);
    return missing.length === 0
      ? undefined
      : `it lacks the labels ${missing.map((label) => `ticketing.${label}`).join(', ')}`;
  }),
  containerPolicy('health-checked', 'The deployment waits for a service that works.', (container) => {
    if (!isService(container)) return undefined;
    const { healthcheck, wait } = container;
    if ((healthcheck?.tests ?? []).length < 2) return 'it has no health check: set healthcheck.tests';
    return wait === true ? undefined : 'nobody waits until it is healthy: set wait to true';
  }),
  containerPolicy('memory-limited', 'One program can’t take the memory of all.', ({ memory, memorySwap }) => {
    if (!memory) return 'it has no limit of memory: set memory, in MB';
    return memorySwap === memory ? undefined : `memorySwap must be ${memory} as memory is, or it may swap`;
  }),
  containerPolicy('cpu-limited', 'One program can’t take the CPUs of all.', ({ cpus }) =>
    Number(cpus ?? 0) > 0 ? undefined : 'it has no limit of CPU: set cpus',
  ),
  containerPolicy('restarted', 'A service comes back with the engine; a job runs once.', (container) => {
    const wanted = isService(container) ? 'unless-stopped' : 'no';
    return container.restart === wanted ? undefined : `restart must be "${wanted}", it is "${container.restart ?? ''}"`;
  }),
  containerPolicy('logs-rotated', 'Logs don’t fill the disk.', (container) => {
    const { logOpts, logDriver } = container;
    return !isStarted(container) || (logDriver === 'json-file' && logOpts?.['max-size'] && logOpts['max-file'])
      ? undefined
      : 'set logDriver to json-file with max-size and max-file';
  }),
];
