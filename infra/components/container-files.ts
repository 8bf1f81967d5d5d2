import { Container, type ContainerArgs } from '@pulumi/docker';
import { type CustomResourceOptions, type Input, type Output, output, secret } from '@pulumi/pulumi';

import { type Image, labelsOf, nameOnEngine, type StackContext } from './stack-context.ts';
import { createVolume, labelList } from './stack-volume.ts';

/** Where a container finds its files. */
export const filesFolder = '/run/ticketing';

/** Texts by file name, which may have folders. Secrets are encrypted in the state and on no command line. */
export interface FilesArgs {
  readonly plain?: Readonly<Record<string, string>>;
  readonly secret?: Readonly<Record<string, Input<string>>>;
}

export interface Files {
  readonly volumeName: Output<string>;
  /** Another one whenever a file is another one, and no digest of a secret. */
  readonly revision: Output<string>;
  /** What has the files, and is made again whenever one is another one. */
  readonly carrier: Container;
}

/**
 * A volume with these files, for one container. The provider can't put files into a container whose root is
 * read-only, so a second one that is never started carries them into the volume; a change of one replaces it, its id
 * is the revision.
 */
export function createFiles(
  name: string,
  context: StackContext,
  image: Image,
  { plain = {}, secret: secrets = {} }: FilesArgs,
  options: CustomResourceOptions,
): Files {
  const part = `${name}-files`;
  const volume = createVolume(context, part, options);
  const carrier = new Container(
    part,
    {
      name: nameOnEngine(context, part),
      image: image.imageId,
      labels: labelList(labelsOf(context, part)),
      volumes: [{ volumeName: volume.name, containerPath: filesFolder }],
      uploads: [
        ...Object.entries(plain).map(([file, content]) => upload(file, content)),
        ...Object.entries(secrets).map(([file, content]) => upload(file, secret(content))),
      ],
      ...neverStarted,
    },
    // Any image does, and another one would be another container, of which others would have to be made again.
    { ...options, deleteBeforeReplace: true, additionalSecretOutputs: ['uploads'], ignoreChanges: ['image'] },
  );
  return { volumeName: volume.name, revision: output(carrier.id).apply((id) => id.slice(0, 12)), carrier };
}

/** Readable for whatever user the program has: nobody else has the volume. */
function upload(file: string, content: Input<string>): { file: string; content: Input<string>; permissions: string } {
  return { file: `${filesFolder}/${file}`, content, permissions: '0444' };
}

const neverStarted: Partial<ContainerArgs> = {
  // The engine wants one, also for a container that is never started.
  entrypoints: ['never-started'],
  start: false,
  mustRun: false,
  restart: 'no',
  networkMode: 'none',
  capabilities: { drops: ['ALL'] },
  securityOpts: ['no-new-privileges:true'],
  memory: 16,
  memorySwap: 16,
  cpus: '0.1',
  logDriver: 'json-file',
  logOpts: { 'max-size': '10m', 'max-file': '3' },
};
