import type { PartSettings } from '../evidence/part-settings.ts';
import type { VariantId } from '../evidence/schema.ts';
import type { ControlGroup } from '../probes/control-group.ts';

/** A part whose CPU and memory are accounted for: a process and all its descendants. Workers share their name. */
export interface Part {
  readonly name: 'database' | 'service' | 'worker' | 'redis-cache' | 'redis-queue';
  readonly rootProcessId: number;
  /** Of a container: there its CPU and memory are read, and no longer from its processes. */
  readonly controlGroup?: ControlGroup | undefined;
  /** The end of its log, for the message that it has ended. */
  logTail(): Promise<string>;
}

/** One variant, up and ready: its own database and its own Redis servers, which nobody else uses. */
export interface RunningVariant {
  readonly id: VariantId;
  /** `http://127.0.0.1:<port>`: the API and the admin server (`/metrics`, `/readyz`). */
  readonly apiUrl: string;
  readonly adminUrl: string;
  /** Of the processes that take seat creations from the queue, where the variant asked for some. */
  readonly workerAdminUrls: readonly string[];
  readonly apiToken: string;
  readonly database:
    | { readonly engine: 'postgres'; readonly adminConnectionString: string }
    | { readonly engine: 'sqlite'; readonly file: string };
  readonly redisCacheUrl: string;
  readonly redisQueueUrl: string;
  /** What its parts run with, as they say themselves. */
  readSettings(): Promise<readonly PartSettings[]>;
  readonly parts: readonly Part[];
  /**
   * What carries the parts and was not started by the lab: a container engine and its helpers. They count as the lab,
   * with all that they started and that is no part.
   */
  readonly carrierProcessIds?: readonly number[];
  /** What its `/version` must say. Absent: the commit of the work tree. */
  readonly commit?: string;
}

export interface VariantRequest {
  readonly id: VariantId;
  readonly configuration: Readonly<Record<string, string>>;
  /** Top of the work tree whose service this is, absolute: it also fills the database. Default: the lab's own. */
  readonly sources?: string | undefined;
  /** Processes with `ROLE=worker` beside the service, which then has `ROLE=api`. None: it does all the work itself. */
  readonly workers?: number | undefined;
}

export interface EnvironmentRequest {
  readonly database: 'postgres' | 'sqlite';
  readonly variants: readonly VariantRequest[];
  /** Content of every variant's database, the same to the row. */
  readonly seed: { readonly performances: number; readonly randomSeed: number; readonly relativeTo: string };
  /** What is happening, for the progress display. */
  onStep(step: string): void;
}

/** Where variants run. `down` ends exactly what `up` started, may be called at any time, and more than once. */
export interface Environment {
  up(request: EnvironmentRequest): Promise<readonly RunningVariant[]>;
  /** New processes of the service for every variant, on the same data; new ports and process ids. */
  restartServices(): Promise<readonly RunningVariant[]>;
  down(): Promise<void>;
}
