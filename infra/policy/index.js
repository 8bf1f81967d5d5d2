// Not TypeScript: Pulumi compiles a policy pack's entry by rules of its own, and leaves what it imports to Node.js.
import { PolicyPack } from '@pulumi/policy';

import { policies } from './policies.ts';

new PolicyPack('ticketing', { policies: [...policies], enforcementLevel: 'mandatory' });
