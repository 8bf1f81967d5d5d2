import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const lookEveryMs = 5;
const answerWithinMs = 1_000;

/**
 * Until a Redis server on this port of 127.0.0.1 answers PING with PONG, which it does not while it loads its files. By
 * the bare protocol: a client library that meets a loading server waits for a second before it looks again.
 */
export async function untilPong(port: number, signal: AbortSignal): Promise<void> {
  while (!(await answersPong(port))) await sleep(lookEveryMs, undefined, { signal });
}

async function answersPong(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write('PING\r\n');
    const [answer] = await once(socket, 'data', { signal: AbortSignal.timeout(answerWithinMs) });
    return String(answer) === '+PONG\r\n';
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
