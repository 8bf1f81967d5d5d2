import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { onSamePort } from '../environments/free-port.ts';
import { connectLink, type Link, type LinkFaults } from './tcp-link.ts';

/**
 * A TCP proxy on a port of 127.0.0.1, whose connections can be hurt. Every fault is off at first, and `heal` ends them
 * all. What a fault breaks stays broken: `heal` revives no connection. Where the target does not listen, a client is
 * accepted and then reset.
 */
export interface TcpProxy {
  readonly port: number;
  /**
   * Every chunk takes this much longer in each direction: a declared latency of the network, to the millisecond above.
   * Connecting takes no longer. @throws when it is not a number of seconds from 0 on
   */
  setDelay(seconds: number): void;
  /**
   * Of the replies, this share is swallowed and its connection reset: the request has arrived, and the client never
   * learns it. A reply is the first that comes from the server after something from the client; what was sent in one
   * piece (a pipeline) has one. @throws when the share is not from 0 to 1
   */
  dropReplies(share: number, random: () => number): void;
  /**
   * Open connections carry nothing more, in either direction, and stay open, whatever their ends do: each believes that
   * the other is there. New ones work.
   */
  halfOpen(): void;
  /** Open connections and new ones carry nothing, until `heal` lets them go on with nothing lost. */
  freeze(): void;
  /** RST on every open connection, to both ends. */
  reset(): void;
  /** Refuses new connections and resets the open ones: as if nobody listened. */
  refuse(): void;
  /** Resolves when new connections are accepted. @throws when somebody else holds the refusing port for 5 s */
  heal(): Promise<void>;
  /** Since the start: replies that were dropped. */
  readonly droppedReplies: number;
  /** Resets what is open and frees the port; may be called more than once. */
  close(): Promise<void>;
}

/** @param targetPort of 127.0.0.1 */
export async function startTcpProxy({ targetPort }: { readonly targetPort: number }): Promise<TcpProxy> {
  const faults: LinkFaults = { delaySeconds: 0, dropsReply: () => false };
  const links = new Set<Link>();
  let isFrozen = false;
  let isClosed = false;
  let reopening: Promise<void> | undefined;
  let droppedReplies = 0;
  const accept = (client: Socket): void => {
    const link = connectLink({ client, targetPort, faults, onClose: () => links.delete(link) });
    links.add(link);
    if (isFrozen) link.freeze();
  };
  let server: Server | undefined = await listen(0, accept);
  const port = portOf(server);

  const reset = (): void => {
    for (const link of links) link.reset();
  };
  const refuse = (): void => {
    server?.close();
    server = undefined;
    reset();
  };
  const reopen = async (): Promise<void> => {
    if (server === undefined && !isClosed) server = await onSamePort(() => listen(port, accept));
  };
  return {
    port,
    setDelay(seconds) {
      if (!(seconds >= 0 && seconds < Infinity)) throw new Error(`a delay is 0 seconds or more, got ${seconds}`);
      faults.delaySeconds = seconds;
    },
    dropReplies(share, random) {
      if (!(share >= 0 && share <= 1)) throw new Error(`the share of dropped replies is from 0 to 1, got ${share}`);
      faults.dropsReply = () => {
        const drops = random() < share;
        if (drops) droppedReplies += 1;
        return drops;
      };
    },
    halfOpen() {
      for (const link of links) link.halfOpen();
    },
    freeze() {
      isFrozen = true;
      for (const link of links) link.freeze();
    },
    reset,
    refuse,
    heal() {
      faults.delaySeconds = 0;
      faults.dropsReply = () => false;
      isFrozen = false;
      for (const link of links) link.thaw();
      return (reopening ??= reopen().finally(() => (reopening = undefined)));
    },
    get droppedReplies() {
      return droppedReplies;
    },
    async close() {
      isClosed = true;
      await reopening;
      const closing = server && once(server, 'close');
      refuse();
      await closing;
    },
  };
}

async function listen(port: number, accept: (client: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error(`no TCP address: ${String(address)}`);
  return address.port;
}
