import type { SupervisedProcess } from '../environments/supervised-process.ts';
import type { PartSettings } from '../evidence/part-settings.ts';
import type { RunFrame } from '../evidence/schema.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/**
 * A system to be hurt: one database, one Redis for the queue and one for the cache, processes of the service, each of
 * which can be killed and put back at its own address. `openStage` is in open-stage.ts.
 */
export interface Stage {
  readonly database: DatabaseNode;
  readonly redisQueue: RedisNode;
  readonly redisCache: RedisNode;
  /** Processes with an API: `ROLE=api`, or `ROLE=all` where the request asks for no workers. */
  readonly apis: readonly ServiceNode[];
  /** `ROLE=worker`. */
  readonly workers: readonly ServiceNode[];
  readonly apiToken: string;
  /** Between the service and its servers, where the request asked for them. */
  readonly proxies: { readonly [Name in Proxied]?: TcpProxy };
  /** What its parts run with, as they said themselves when it had come up. */
  readonly settings: readonly PartSettings[];
  /** Scratch, for ledgers and logs; removed with the stage. */
  readonly directory: string;
  /** New halls without seats, made through the API: their ids, each fit for one job. */
  createHalls(count: number, seatsEach: number): Promise<readonly number[]>;
  /** Entries of the stream, delivered or not, and those of the group's that are pending. */
  queueLeft(): Promise<QueueLeft>;
  /** Ends everything, in any state. */
  close(): Promise<void>;
}

/** As much of a stage as is needed to kill the service and to see what became of its work: processes or containers. */
export interface CrashStage extends Pick<
  Stage,
  'apiToken' | 'settings' | 'directory' | 'createHalls' | 'queueLeft' | 'close'
> {
  readonly database: Pick<DatabaseNode, 'audit'>;
  readonly apis: readonly KillableService[];
}

export type KillableService = Pick<ServiceNode, 'apiUrl' | 'isRunning' | 'kill' | 'start'>;

export type CrashStageRequest = Pick<StageRequest, 'database' | 'seatCreation' | 'minIdleMs' | 'signal' | 'step'>;

export interface QueueLeft {
  readonly entries: number;
  readonly pending: number;
}

export type Proxied = 'redisQueue' | 'redisCache' | 'database';

export interface StageRequest {
  readonly database: RunFrame['database'];
  readonly seatCreation: 'async' | 'stream';
  readonly apis?: number;
  /** 0 (the default): the APIs do the work themselves (`ROLE=all`). */
  readonly workers?: number;
  /** SEAT_CREATION_MIN_IDLE_MS. */
  readonly minIdleMs: number;
  /** More of the service's environment variables. */
  readonly configuration?: Readonly<Record<string, string>>;
  /** Which entry the processes run, with its arguments; default `service/src/main.ts`. A control is one. */
  readonly entry?: { readonly api?: readonly string[]; readonly worker?: readonly string[] };
  /** Of the queue's Redis: settings over those of its role, and what its process inherits (LD_PRELOAD). */
  readonly redis?: {
    readonly settings?: Readonly<Record<string, string>>;
    readonly environment?: Readonly<Record<string, string>>;
  };
  /** The same of the cache's. */
  readonly redisCache?: { readonly settings?: Readonly<Record<string, string>> };
  readonly proxied?: readonly Proxied[];
  /** What the database is filled with before the service starts, by the service's own seed command. Empty without. */
  readonly content?: StageContent;
  /** The database's files live on a file system of this size, so that it can be filled. PostgreSQL only. */
  readonly databaseDiskBytes?: number;
  readonly signal: AbortSignal;
  step(text: string): void;
}

export interface StageContent {
  readonly performances: number;
  readonly randomSeed: number;
  /** ISO 8601: "now" of the content. */
  readonly relativeTo: string;
}

/** Something that runs as a process, ends, and runs again at the same address and on the same files. */
export interface Node {
  readonly name: string;
  /** Of the process that runs now. @throws when none does */
  readonly processId: number;
  isRunning(): boolean;
  readonly process: SupervisedProcess;
  /** SIGKILL to the process and all its descendants; resolves when they are gone. */
  kill(): Promise<void>;
  /** In order; resolves when it is gone. */
  stop(): Promise<void>;
  /** At the same address, on the same files; resolves when it is ready. */
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT to the process and all its descendants. `thaw` may be called at any time. */
  freeze(): void;
  thaw(): void;
}

export interface ServiceNode extends Node {
  /** `http://127.0.0.1:<port>`; a worker has none. */
  readonly apiUrl: string | undefined;
  readonly adminUrl: string;
  /** Starts it without waiting until it is ready: for starts into an outage. */
  launch(): Promise<void>;
}

export interface RedisNode extends Node {
  readonly port: number;
  /** Of the server itself, past any proxy. */
  readonly url: string;
  /** Holds `appendonlydir`. */
  readonly directory: string;
}

export interface DatabaseNode extends Node {
  readonly engine: RunFrame['database'];
  /** Of the database itself, past any proxy, for the lab's own role: `postgres://…` or `sqlite:<file>`. */
  readonly url: string;
  /** Of the database itself, past any proxy, for audits. */
  readonly audit: Audit;
  /**
   * Keeps writers of seats waiting, with PostgreSQL readers of seats as well, until the returned function is called
   * (which may be called twice).
   */
  lock(): Promise<() => Promise<void>>;
  /**
   * Fills the file system of `databaseDiskBytes`; the returned function empties it. A server that was killed may not
   * come up before that.
   */
  fillDisk(): Promise<() => Promise<void>>;
}

/** The service's audit views, read from outside with a connection of the lab's own. */
export interface Audit {
  /** Operations by id: state and reason. `audit_seat_creations`. */
  operations(): Promise<ReadonlyMap<string, AuditedOperation>>;
  /** Of `audit_seat_creation_counts`: operations that are done. Cheap enough to be polled. */
  doneCount(): Promise<number>;
  /** Halls whose seats are not as planned, or there twice: `audit_hall_seats`, restricted to these halls. */
  faultyHalls(hallIds: readonly number[]): Promise<readonly FaultyHall[]>;
}

export interface AuditedOperation {
  readonly state: 'done' | 'failing' | 'failed';
  readonly targetId: number;
  readonly reason: string | null;
  readonly failedAttempts: number;
  /** When it was done or has failed last, by the view's `ended_at`: milliseconds since the epoch. */
  readonly endedAtMs: number;
}

export interface FaultyHall {
  readonly hallId: number;
  readonly expectedSeats: number;
  readonly seats: number;
  readonly duplicates: number;
}
