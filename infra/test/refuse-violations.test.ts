import { expect, test } from 'vitest';

import { reasonsOf } from '../deploy/refuse-violations.ts';

const preview = `Previewing update (trial):
 +  docker:index:Network network create
Policies:
    ❌ ticketing@v1.0.0 (local: /infra/policy)
        - [mandatory]  image-tagged  (docker:index:RemoteImage: redis-image)
          An image names its version.
          the image "redis:latest" may be another one tomorrow: give it the tag of a version
        - [advisory]  labelled  (docker:index:Container: api-1)
          can't run policy 'labelled' during preview: string value at .labels can't be known

Diagnostics:
  pulumi:pulumi:Stack (ticketing-trial):
    error: preview failed
`;

test('says which policies are violated, by what, and the remedy; not what could not be known yet', () => {
  expect(reasonsOf(preview)).toBe(
    [
      '  - [mandatory]  image-tagged  (docker:index:RemoteImage: redis-image)',
      '  An image names its version.',
      '  the image "redis:latest" may be another one tomorrow: give it the tag of a version',
    ].join('\n'),
  );
});

test('says what the program has refused where no policy is violated, once and without the stack', () => {
  const printed = `Previewing update (trial):
    error: Unhandled exception: StackConfigError: The configuration of the stack trial can't be used:
      reverseProxy: must be true with 2 replicas of the api, got false
        at parseSettings (file:///infra/config.ts:104:9)
    error: The configuration of the stack trial can't be used:
      reverseProxy: must be true with 2 replicas of the api, got false
    error: preview failed

Outputs:
`;
  expect(reasonsOf(printed)).toBe(
    [
      "  The configuration of the stack trial can't be used:",
      '  reverseProxy: must be true with 2 replicas of the api, got false',
    ].join('\n'),
  );
});

test('leaves nothing out when it finds no reason', () => {
  expect(reasonsOf('something that nobody has foreseen')).toBe('something that nobody has foreseen');
});
