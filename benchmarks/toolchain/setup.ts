import { requiredTools } from './tool.ts';
import { setUpTools } from './set-up-tools.ts';

/** `make setup`: everything that `make test` and `make bench` need. The packages of npm are there by now. */
console.log(`${'node'.padEnd(13)} ${process.versions.node.padEnd(9)} from npm: node_modules/.bin/node`);
try {
  await setUpTools(requiredTools, process.stdout);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 4;
}
