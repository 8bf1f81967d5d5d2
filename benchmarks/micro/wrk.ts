import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { Tool } from '../toolchain/tool.ts';

const run = promisify(execFile);

export interface WrkRequest {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** As many requests as the server answers, from one thread. @throws when an answer was no 2xx or a socket failed. */
export async function requestsPerSecond(wrk: Tool, request: WrkRequest): Promise<number> {
  const { url, connections, seconds, signal } = request;
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '-H', 'Accept: application/json', url];
  const { stdout } = await run(wrk.path, args, { env: { ...process.env, ...wrk.environment }, signal });
  if (/Non-2xx or 3xx responses|Socket errors/.test(stdout)) throw new Error(`wrk saw failures at ${url}:\n${stdout}`);
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
  if (!(rate > 0)) throw new Error(`wrk printed no rate for ${url}:\n${stdout}`);
  return rate;
}
