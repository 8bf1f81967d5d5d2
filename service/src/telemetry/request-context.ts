import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

/** What a log line written anywhere below a request knows of that request. */
export interface RequestContext {
  readonly requestId: string;
}

export const requestContext = new AsyncLocalStorage<RequestContext>();

const acceptable = /^[\w.-]{1,64}$/;

/** The client's own id when it is a modest one, else a new one: unique in this process and unlikely elsewhere. */
export function createRequestIds(): (offered: string | string[] | undefined) => string {
  const processPart = randomBytes(6).toString('hex');
  let count = 0;
  return (offered) => {
    if (typeof offered === 'string' && acceptable.test(offered)) return offered;
    count += 1;
    return `${processPart}-${count.toString(36)}`;
  };
}
