import { DeployError } from './deploy-error.ts';
import { deploy, type DeployOptions } from './deploy-stack.ts';
import { whyNotServing } from './serving-image.ts';
import type { Session } from './stack-session.ts';

/** In the stack's backend, so that the next machine finds it. */
const deployedTag = 'deployed-image';
const byDigest = /^[\w./:-]+@sha256:[\da-f]{64}$/;
/** Containers are healthy by then; the proxy has to see them once more. */
const servingWithinSeconds = 30;
/** Whatever the new image was given: to be cut off on the way back would leave neither. */
const rollBackWithinSeconds = 600;

export interface ReleaseRequest extends DeployOptions {
  /** `repository@sha256:<64 hex>` */
  readonly image: string;
  /** For everything to be up; after that the former image is put back. */
  readonly withinSeconds: number;
}

export type Release =
  | { readonly kind: 'deployed'; readonly former: string | undefined }
  /** The former image serves again. */
  | { readonly kind: 'rolled-back'; readonly former: string; readonly why: string }
  /** What serves now has to be looked at. `former` is `undefined` when there was nothing to go back to. */
  | { readonly kind: 'stuck'; readonly former: string | undefined; readonly why: string };

/** The image that was last seen to serve: what `release` goes back to. `undefined` before the first one. */
export async function deployedImage({ stack }: Session): Promise<string | undefined> {
  return (await stack.listTags())[deployedTag];
}

/**
 * Deploys an image, sees whether it serves, and puts the former one back when it does not. Only an image that was seen
 * to serve is written down as deployed: after a deployment that was killed, the one before it is still the former one.
 * @throws {DeployError} when the image has no digest, a policy is violated or another deployment goes on; nothing was
 *   changed then
 */
export async function release(session: Session, request: ReleaseRequest): Promise<Release> {
  const { image, onStep } = request;
  if (!byDigest.test(image)) throw new DeployError(`IMAGE must be repository@sha256:<64 hex>, got "${image}"`);
  const former = await deployedImage(session);
  onStep(`deployed until now: ${former ?? 'nothing'}`);
  onStep(`to be deployed:     ${image}`);
  const why = await attempt(session, request);
  if (why === undefined) {
    await session.stack.setTag(deployedTag, image);
    return { kind: 'deployed', former };
  }
  onStep(`not deployed: ${why}`);
  if (former === undefined) return { kind: 'stuck', former, why: `${why}; there is no former image` };
  onStep(`going back to ${former}`);
  const backWithin = { withinSeconds: Math.max(request.withinSeconds, rollBackWithinSeconds) };
  const whyStuck = await attempt(session, { ...request, ...backWithin, image: former }).catch(String);
  return whyStuck === undefined
    ? { kind: 'rolled-back', former, why }
    : { kind: 'stuck', former, why: `${why}; going back: ${whyStuck}` };
}

/** Why the image does not serve after a deployment of it; `undefined` when it does. Throws what `deploy` refuses. */
async function attempt(
  session: Session,
  { image, withinSeconds, ...options }: ReleaseRequest,
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(withinSeconds * 1_000);
  await session.stack.setConfig('ticketing:serviceImage', { value: image });
  try {
    await deploy(session, { ...options, signal });
  } catch (error) {
    if (error instanceof DeployError) throw error;
    if (signal.aborted) return `it was not up within ${withinSeconds} s`;
    return `the deployment failed: ${firstError(error)}`;
  }
  return whyNotServing(session, image, { withinSeconds: servingWithinSeconds });
}

/** Of everything that Pulumi has printed, which was shown as it came. */
function firstError(error: unknown): string {
  const text = String(error);
  return /^\s*error: (?!update failed|preview failed)(.+)$/m.exec(text)?.[1]?.trim() ?? text.slice(0, 500);
}
