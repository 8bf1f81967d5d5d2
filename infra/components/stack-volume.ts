import { Volume } from '@pulumi/docker';
import type { CustomResourceOptions } from '@pulumi/pulumi';

import { labelsOf, nameOnEngine, type StackContext } from './stack-context.ts';

/** A named volume with data of its own: in production it can't be deleted before somebody says so. */
export function createDataVolume(context: StackContext, part: string, options: CustomResourceOptions): Volume {
  return createVolume(context, part, {
    ...options,
    protect: context.kind === 'prod',
    retainOnDelete: context.kind === 'prod',
  });
}

export function createVolume(context: StackContext, part: string, options: CustomResourceOptions): Volume {
  return new Volume(
    part,
    { name: nameOnEngine(context, part), driver: 'local', labels: labelList(labelsOf(context, part)) },
    { ...options, deleteBeforeReplace: true },
  );
}

/** Labels as the provider wants them. */
export function labelList(labels: Readonly<Record<string, string>>): { label: string; value: string }[] {
  return Object.entries(labels).map(([label, value]) => ({ label, value }));
}
