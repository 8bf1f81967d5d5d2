import type { ResourceValidationPolicy } from '@pulumi/policy';

import { capabilityPolicies } from './container-privileges.ts';
import { operationPolicies } from './container-operation.ts';
import { dataPolicies } from './data-parts.ts';
import { imagePolicies } from './images.ts';
import { networkPolicies } from './network-and-mounts.ts';

/** What every stack must keep to, each on its own. A violation stops the deployment before anything is changed. */
export const policies: readonly ResourceValidationPolicy[] = [
  ...imagePolicies,
  ...networkPolicies,
  ...capabilityPolicies,
  ...operationPolicies,
  ...dataPolicies,
];
