import { rmSync } from 'node:fs';

import type { Overrides } from '../../src/compose.ts';
import type { Database } from '../../src/database/database.ts';
import { createSeatCreationStore } from '../../src/database/seat-creation-store.ts';
import type { ConsumerSteps } from '../../src/seat-creation/consumer-steps.ts';
import type { SeatCreationStore } from '../../src/seat-creation/seat-creation-store.ts';
import { killThisProcess } from './kill-this-process.ts';
import { runControlledSeatCreation } from './run-controlled-service.ts';

/**
 * The service, killed by SIGKILL when its worker reaches a point of the state table:
 * `node service/test/controls/crash-point.ts in-transaction [<file>]`, with the service's own environment.
 * With a file, only the process dies that has removed it: whoever makes the file again asks for one more crash, and
 * whoever takes the place of the dead process lives.
 */
interface Parts {
  readonly database: Database;
  readonly store: SeatCreationStore;
  /** Returns only when no crash is asked for. */
  readonly die: () => void;
}

const decorateSteps = (decorate: (steps: ConsumerSteps) => Partial<ConsumerSteps>): Overrides => ({
  decorateSteps: (steps) => ({ ...steps, ...decorate(steps) }),
});

const crashPoints: Readonly<Record<string, (parts: Parts) => Overrides>> = {
  /** C1. */
  'after-delivery': ({ store, die }) => ({
    seatCreationStore: {
      ...store,
      createSeats(jobs) {
        die();
        return store.createSeats(jobs);
      },
    },
  }),
  /** C2: ledger and seats are written, and nothing is committed. */
  'in-transaction': ({ database, store, die }) => ({
    seatCreationStore: {
      ...store,
      createSeats: (jobs) => createSeatCreationStore(beforeCommit(database, die)).createSeats(jobs),
    },
  }),
  /** C3. */
  'after-commit': ({ store, die }) => ({
    seatCreationStore: {
      ...store,
      async createSeats(jobs) {
        const outcome = await store.createSeats(jobs);
        if (outcome.outcome === 'committed') die();
        return outcome;
      },
    },
  }),
  /** C4. */
  'after-invalidation': ({ die }) =>
    decorateSteps((steps) => ({
      acknowledge(deliveries) {
        die();
        return steps.acknowledge(deliveries);
      },
    })),
  /** C5: the answer has come, and nobody has read it. */
  'after-acknowledge': ({ die }) =>
    decorateSteps((steps) => ({
      async acknowledge(deliveries) {
        const acknowledged = await steps.acknowledge(deliveries);
        die();
        return acknowledged;
      },
    })),
  /** C14: of a job that has failed. */
  'after-record': ({ store, die }) => ({
    seatCreationStore: {
      ...store,
      async recordFailure(job, failure, facts) {
        const recorded = await store.recordFailure(job, failure, facts);
        die();
        return recorded;
      },
    },
  }),
  /** C15. */
  'after-letter': ({ die }) =>
    decorateSteps((steps) => ({
      async deadLetter(delivery, facts) {
        const result = await steps.deadLetter(delivery, facts);
        if (result === 'moved') die();
        return result;
      },
    })),
};

function beforeCommit(database: Database, work: () => void): Database {
  return {
    ...database,
    transaction: (name, inTransaction, options) =>
      database.transaction(
        name,
        async (transaction) => {
          const result = await inTransaction(transaction);
          work();
          return result;
        },
        options,
      ),
  };
}

function isAskedFor(file: string | undefined): boolean {
  if (file === undefined) return true;
  try {
    rmSync(file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

const [name = '', file] = process.argv.slice(2);
const crashPoint = crashPoints[name];
if (!crashPoint) {
  throw new Error(`there is no crash point "${name}": there are ${Object.keys(crashPoints).join(', ')}`);
}
await runControlledSeatCreation(name, ({ database }) =>
  crashPoint({
    database,
    store: createSeatCreationStore(database),
    die: () => {
      if (isAskedFor(file)) killThisProcess();
    },
  }),
);
