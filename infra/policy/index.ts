import { PolicyPack } from '@pulumi/policy';

import { policies } from './policies.ts';

new PolicyPack('ticketing', { policies: [...policies], enforcementLevel: 'mandatory' });
