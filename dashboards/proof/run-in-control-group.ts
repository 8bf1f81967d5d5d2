import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** `node run-in-control-group.ts <entry> <folder of the group> …` runs the entry's module in that group. */
const [, , entry = '', ...folders] = process.argv;
for (const folder of folders) writeFileSync(join(folder, 'cgroup.procs'), String(process.pid));
await import(pathToFileURL(resolve(entry)).href);
