import type { Socket } from 'node:net';

/** One direction of a connection. What it has read waits in a queue until it is due. */
export interface DelayedPipe {
  /** From now on nothing is read and nothing written. */
  hold(): void;
  /** Goes on where `hold` was called; nothing is lost. */
  release(): void;
  /** Forgets what waits, for good. */
  stop(): void;
}

interface PipeRequest {
  readonly source: Socket;
  readonly destination: Socket;
  /** Asked for every chunk when it arrives. */
  readonly delaySeconds: () => number;
  /** Called for every chunk when it arrives; what it returns is done when the chunk is due. */
  readonly deliver: (chunk: Buffer) => () => void;
}

interface Waiting {
  readonly dueMs: number;
  readonly bytes: number;
  readonly deliver: () => void;
}

/** What may wait in one direction before no more is read: at 100 ms of delay this still lets 80 MiB/s through. */
const capacityBytes = 8 * 1024 * 1024;

/**
 * Every chunk gets the time at which it is due when it arrives, so that a delay costs latency and no throughput, and
 * their order stays also when the delay becomes shorter. The end of the source is passed on in its turn.
 */
export function connectPipe({ source, destination, delaySeconds, deliver }: PipeRequest): DelayedPipe {
  const queue: Waiting[] = [];
  let waitingBytes = 0;
  let lastDueMs = 0;
  let isHeld = false;
  let timer: NodeJS.Timeout | undefined;

  const enqueue = (bytes: number, deliverIt: () => void): void => {
    lastDueMs = Math.max(lastDueMs, performance.now() + delaySeconds() * 1000);
    queue.push({ dueMs: lastDueMs, bytes, deliver: deliverIt });
    waitingBytes += bytes;
    flush();
  };
  const mayWrite = (): boolean => !isHeld && !destination.writableNeedDrain;
  const flush = (): void => {
    clearTimeout(timer);
    for (let next = queue[0]; next && mayWrite(); next = queue[0]) {
      const remainingMs = next.dueMs - performance.now();
      if (remainingMs > 0) {
        timer = setTimeout(flush, Math.ceil(remainingMs));
        break;
      }
      queue.shift();
      waitingBytes -= next.bytes;
      next.deliver();
    }
    if (isHeld || waitingBytes >= capacityBytes) source.pause();
    else source.resume();
  };

  source.on('data', (chunk: Buffer) => enqueue(chunk.length, deliver(chunk)));
  source.on('end', () => enqueue(0, () => destination.end()));
  destination.on('drain', flush);
  return {
    hold() {
      isHeld = true;
      flush();
    },
    release() {
      isHeld = false;
      flush();
    },
    stop() {
      isHeld = true;
      clearTimeout(timer);
      queue.length = 0;
    },
  };
}
