import type { ResourceValidationPolicy } from '@pulumi/policy';
import { z } from 'zod';

import { containerPolicy } from './container-policy.ts';

const imageType = 'docker:index/remoteImage:RemoteImage';
const digest = /(^|@)sha256:[\da-f]{64}$/;

function imagePolicy(
  name: string,
  description: string,
  problem: (reference: string, stackName: string) => string | undefined,
): ResourceValidationPolicy {
  return {
    name,
    description,
    enforcementLevel: 'mandatory',
    validateResource: ({ type, props, urn }, report) => {
      if (type !== imageType) return;
      const sentence = problem(z.object({ name: z.string() }).parse(props).name, stackOf(urn));
      if (sentence !== undefined) report(sentence);
    },
  };
}

/** `urn:pulumi:<stack>::…` */
function stackOf(urn: string): string {
  return urn.split(':')[2] ?? '';
}

export const imagePolicies: readonly ResourceValidationPolicy[] = [
  imagePolicy('image-tagged', 'An image names its version.', (reference) => {
    if (digest.test(reference)) return undefined;
    const tag = /:([^/:]+)$/.exec(reference)?.[1];
    return tag === undefined || tag === 'latest'
      ? `the image "${reference}" may be another one tomorrow: give it the tag of a version`
      : undefined;
  }),
  imagePolicy('image-by-digest-in-prod', 'In production nothing changes under a tag.', (reference, stackName) =>
    stackName !== 'prod' || digest.test(reference)
      ? undefined
      : `the image "${reference}" must be name@sha256:… in prod: docker buildx imagetools inspect ${reference}`,
  ),
  containerPolicy(
    'container-image-by-id',
    'A container runs an image by its id, so that a moved tag is seen.',
    ({ image }) =>
      image === undefined || digest.test(image)
        ? undefined
        : `its image is "${image}": give it the imageId of a RemoteImage`,
  ),
];
