import { readFileSync } from 'node:fs';

import { createSeatCreationStore } from '../../src/database/seat-creation-store.ts';
import { killThisProcess } from './kill-this-process.ts';
import { runControlledSeatCreation } from './run-controlled-service.ts';

/**
 * The service, killed by SIGKILL whenever its worker begins a job for one of the halls in a file, ids divided by white
 * space, which is read anew each time: `node service/test/controls/lethal-jobs.ts <file>`, with the service's own
 * environment.
 */
const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('a file with the ids of halls is needed: lethal-jobs.ts <file>');

await runControlledSeatCreation('lethal-jobs', ({ database }) => {
  const store = createSeatCreationStore(database);
  return {
    seatCreationStore: {
      ...store,
      createSeats(jobs) {
        const lethal = new Set(readFileSync(file, 'utf8').split(/\s+/).filter(Boolean).map(Number));
        if (jobs.some(({ target }) => target.kind === 'hall' && lethal.has(target.id))) killThisProcess();
        return store.createSeats(jobs);
      },
    },
  };
});
