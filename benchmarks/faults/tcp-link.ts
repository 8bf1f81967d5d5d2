import { connect, type Socket } from 'node:net';
import { connectPipe } from './delayed-pipe.ts';

/** What the proxy asks of its connections; read anew for every chunk. */
export interface LinkFaults {
  delaySeconds: number;
  /** Whether the reply that has just arrived is to be swallowed. */
  dropsReply(): boolean;
}

/** A connection through the proxy: the client's and the one to the target. */
export interface Link {
  /** Carries nothing any more; only a reset ends it. */
  halfOpen(): void;
  freeze(): void;
  /** Ends `freeze`, and not `halfOpen`. */
  thaw(): void;
  reset(): void;
}

interface LinkRequest {
  readonly client: Socket;
  readonly targetPort: number;
  readonly faults: LinkFaults;
  readonly onClose: () => void;
}

export function connectLink({ client, targetPort, faults, onClose }: LinkRequest): Link {
  const upstream = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  let awaitsReply = false;
  let state: 'open' | 'frozen' | 'half-open' = 'open';
  let isBroken = false;

  const toServer = connectPipe({
    source: client,
    destination: upstream,
    delaySeconds: () => faults.delaySeconds,
    deliver: (chunk) => () => {
      awaitsReply = true;
      upstream.write(chunk);
    },
  });
  const toClient = connectPipe({
    source: upstream,
    destination: client,
    delaySeconds: () => faults.delaySeconds,
    deliver: (chunk) => {
      const isReply = awaitsReply;
      awaitsReply = false;
      // In its turn: replies before it that are still on their way arrive.
      return isReply && faults.dropsReply() ? reset : () => void client.write(chunk);
    },
  });
  const pipes = [toServer, toClient];
  const sockets = [client, upstream];
  const reset = (): void => {
    for (const pipe of pipes) pipe.stop();
    for (const socket of sockets) socket.resetAndDestroy();
  };
  for (const socket of sockets) {
    // An end that was reset, or could not be reached: the other learns it, when anything gets through.
    socket.on('error', () => {
      isBroken = true;
      if (state === 'open') reset();
    });
    socket.on('close', () => {
      if (sockets.every(({ destroyed }) => destroyed)) onClose();
    });
  }

  const hold = (by: 'frozen' | 'half-open'): void => {
    if (state !== 'half-open') state = by;
    for (const pipe of pipes) pipe.hold();
  };
  return {
    halfOpen: () => hold('half-open'),
    freeze: () => hold('frozen'),
    thaw() {
      if (state !== 'frozen') return;
      state = 'open';
      if (isBroken) reset();
      else for (const pipe of pipes) pipe.release();
    },
    reset,
  };
}
