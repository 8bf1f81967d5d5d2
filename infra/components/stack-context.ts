import type { RemoteImage } from '@pulumi/docker';
import type { Input } from '@pulumi/pulumi';

/** What every component of one stack shares. */
export interface StackContext {
  readonly stackName: string;
  readonly kind: 'dev' | 'bench' | 'prod';
  readonly networkName: Input<string>;
  /** Where published ports listen on the host. */
  readonly publishAddress: '127.0.0.1' | '0.0.0.0';
  readonly healthIntervalSeconds: number;
}

export type Image = Pick<RemoteImage, 'imageId'>;

const projectName = 'ticketing';

/** The name that a part has on the engine, where stacks stand beside each other. */
export function nameOnEngine({ stackName }: Pick<StackContext, 'stackName'>, part: string): string {
  return `${projectName}-${stackName}-${part}`;
}

/** What `make down` and the look for drift find a stack's parts by. */
export function labelsOf(
  { stackName, kind }: Pick<StackContext, 'stackName' | 'kind'>,
  part: string,
): Readonly<Record<string, string>> {
  return {
    'ticketing.project': projectName,
    'ticketing.stack': stackName,
    'ticketing.kind': kind,
    'ticketing.component': part,
  };
}
