import type { DatabaseNode } from './stage.ts';

/** A database of the stage, and what the stage alone needs to know of it. */
export interface StageDatabase {
  readonly node: DatabaseNode;
  /** DATABASE_URL of the service, past any proxy. */
  readonly url: string;
  /** Ends the lab's own connections. */
  close(): Promise<void>;
}
