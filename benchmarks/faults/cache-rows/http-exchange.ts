import { type Agent, type IncomingHttpHeaders, request as sendRequest } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Exchange {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly url: string;
  readonly agent: Agent;
  readonly apiToken?: string;
  /** Sent as JSON. */
  readonly body?: object;
  readonly withinMs: number;
}

/** The whole answer, or `undefined`: there was none in time, and to a client it makes no difference why. */
export function exchange(request: ExchangeRequest): Promise<Exchange | undefined> {
  const { method, url, agent, apiToken, body, withinMs } = request;
  const content = body && JSON.stringify(body);
  const headers = {
    ...(apiToken !== undefined && { authorization: `Bearer ${apiToken}` }),
    ...(content !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }),
  };
  return new Promise((resolve) => {
    const sent = sendRequest(url, { method, agent, headers }, (response) => {
      text(response).then(
        (answer) => end({ status: response.statusCode ?? 0, headers: response.headers, body: answer }),
        () => end(undefined),
      );
    });
    const late = setTimeout(() => sent.destroy(new Error('no answer in time')), withinMs);
    const end = (answer: Exchange | undefined): void => {
      clearTimeout(late);
      resolve(answer);
    };
    sent.once('error', () => end(undefined));
    sent.end(content);
  });
}
