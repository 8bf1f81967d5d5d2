import type { ResourceValidationPolicy } from '@pulumi/policy';

import { containerPolicy, isStarted } from './container-policy.ts';

const harmless: ReadonlySet<string> = new Set(['CHOWN', 'FOWNER', 'SETGID', 'SETUID', 'NET_BIND_SERVICE']);
const secretName = /(^|_)(PASSWORD|PASS|SECRET|TOKEN|PRIVATE_KEY|API_KEY)(_|$)/;

export const capabilityPolicies: readonly ResourceValidationPolicy[] = [
  containerPolicy('not-privileged', 'No container has the rights of the host.', ({ privileged }) =>
    privileged === true ? 'privileged is true: leave it out' : undefined,
  ),
  containerPolicy('capabilities-dropped', 'All capabilities are dropped, the needed ones named.', ({ capabilities }) =>
    capabilities?.drops.includes('ALL') === true ? undefined : 'set capabilities.drops to ["ALL"]',
  ),
  containerPolicy('capabilities-harmless', 'No capability that reaches beyond the container.', ({ capabilities }) => {
    const reaching = (capabilities?.adds ?? []).filter((name) => !harmless.has(name.replace(/^CAP_/, '')));
    return reaching.length === 0
      ? undefined
      : `it adds ${reaching.join(', ')}: at most ${[...harmless].join(', ')} may be added`;
  }),
  containerPolicy('no-new-privileges', 'No program gets more rights than it was started with.', ({ securityOpts }) =>
    securityOpts.some((option) => /^no-new-privileges([:=]true)?$/.test(option))
      ? undefined
      : 'add no-new-privileges:true to securityOpts',
  ),
  containerPolicy('root-read-only', 'A program writes to its volumes and to memory, nowhere else.', (container) =>
    !isStarted(container) || container.readOnly === true
      ? undefined
      : 'set readOnly to true, and tmpfs for its scratch folders',
  ),
  containerPolicy('not-root', 'Programs run as a user of their own.', (container) =>
    isStarted(container) && /^(|root|0)(:|$)/.test(container.user ?? '')
      ? `its user is "${container.user ?? ''}": name one that is not root`
      : undefined,
  ),
  containerPolicy(
    'no-secret-in-environment',
    'docker inspect shows every variable: secrets come by files.',
    ({ envs }) => {
      const telling = envs.flatMap((entry) => {
        const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(entry) ?? [];
        const isSecret = (secretName.test(name) && !/_{1,2}FILE$/.test(name)) || /:\/\/[^/@]*:[^/@]+@/.test(value);
        return isSecret ? [name] : [];
      });
      return telling.length === 0
        ? undefined
        : `${telling.join(', ')} would be in docker inspect: use the variable’s …_FILE twin`;
    },
  ),
];
