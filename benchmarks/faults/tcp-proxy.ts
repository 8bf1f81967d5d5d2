/**
 * A TCP proxy on a port of 127.0.0.1, whose connections can be hurt. Every fault is off at first, and `heal` ends them
 * all. What a fault breaks stays broken: `heal` revives no connection.
 */
export interface TcpProxy {
  readonly port: number;
  /** Every chunk takes this much longer in each direction: a declared latency of the network. */
  setDelay(seconds: number): void;
  /**
   * Of the answers, this share is swallowed and its connection reset: the request has arrived, and the client never
   * learns it. `isAnswer` tells which chunk from the server counts (default: the first after a request).
   */
  dropReplies(share: number, random: () => number): void;
  /** Open connections carry nothing more, in either direction, and stay open; new ones work. */
  halfOpen(): void;
  /** Open connections and new ones carry nothing. */
  freeze(): void;
  /** RST on every open connection. */
  reset(): void;
  /** Refuses new connections and resets the open ones: as if nobody listened. */
  refuse(): void;
  heal(): void;
  /** Since the start: answers that were dropped. */
  readonly droppedReplies: number;
  close(): Promise<void>;
}
