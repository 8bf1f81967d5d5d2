import { execFileSync } from 'node:child_process';
import { accessSync, constants, readFileSync, statfsSync } from 'node:fs';
import { cpus, freemem, release, totalmem, type as systemName } from 'node:os';

import { installations, installCommand } from './installations.ts';
import { searchTool } from './locate-tool.ts';
import { isOnPath } from './on-path.ts';
import { requiredTools, toolDefinitions, type ToolName } from './tool.ts';

/** `make doctor`: what this machine has. Installs nothing itself; exit status 1 when something that is needed is missing. */
type Row = readonly [what: string, value: string, remark: string];

async function toolRow(name: ToolName): Promise<Row> {
  const { tool, passedOver } = await searchTool(name);
  const { neededFor, minimumVersion } = toolDefinitions[name];
  const remarks = passedOver.map((sentence) => `passed over: ${sentence}`);
  if (tool !== undefined) return [name, tool.version, [`${tool.origin}: ${tool.path}`, ...remarks].join('; ')];
  if (requiredTools.some((required) => required === name)) process.exitCode = 1;
  return [
    name,
    'missing',
    [`for ${neededFor}, ${minimumVersion} or later: ${await remedy(name)}`, ...remarks].join('; '),
  ];
}

async function remedy(name: ToolName): Promise<string> {
  for (const installation of installations[name]) {
    if (await installation.isPossible()) return `installed when it is first needed, by ${installation.title}`;
  }
  return await installCommand([name]);
}

/** What only the containers need: `make up` itself says which version, and how to get it. */
async function containerRow(program: string): Promise<Row> {
  const found = await isOnPath(program);
  return [program, found ? 'on the PATH' : 'missing', found ? '' : 'for make up, image, test-infra alone'];
}

/** Where the probes read; what can't be read here is missing from a report, and the report says so. */
function readableRow(what: string, path: string): Row {
  try {
    accessSync(path, constants.R_OK);
    return [what, 'readable', path];
  } catch (error) {
    return [what, 'unreadable', error instanceof Error ? error.message : path];
  }
}

function performanceCounterRow(): Row {
  const path = '/proc/sys/kernel/perf_event_paranoid';
  try {
    const level = Number(readFileSync(path, 'utf8'));
    const allowed = level <= 2 || process.getuid?.() === 0;
    return ['perf counters', allowed ? 'allowed' : 'forbidden', `${path} is ${level}`];
  } catch {
    return ['perf counters', 'none', `${path} is not there; nothing needs them yet`];
  }
}

function machineRows(): readonly Row[] {
  const gibibyte = 1024 ** 3;
  const inGibibytes = (bytes: number) => `${(bytes / gibibyte).toFixed(1)} GiB`;
  const { bavail, bsize } = statfsSync('.');
  const npmVersion = execFileSync('npm', ['--version'], { encoding: 'utf8' }).trim();
  return [
    ['node', process.versions.node, process.execPath],
    ['npm', npmVersion, ''],
    ['kernel', release(), systemName()],
    ['cores', String(cpus().length), cpus()[0]?.model ?? ''],
    ['memory', inGibibytes(totalmem()), `${inGibibytes(freemem())} free`],
    ['disk', inGibibytes(bavail * bsize), 'free here; packages, tools and a run take about 2 GiB'],
    readableRow('CPU clocks', '/proc/self/schedstat'),
    readableRow('CPU pressure', '/proc/pressure/cpu'),
    readableRow('cgroups', '/sys/fs/cgroup/cgroup.controllers'),
    performanceCounterRow(),
  ];
}

const toolRows = await Promise.all(Object.values(toolDefinitions).map(({ name }) => toolRow(name)));
const containerRows = await Promise.all(['docker', 'pulumi'].map(containerRow));
const rows = [...toolRows, ...containerRows, ...machineRows()];
const nameWidth = Math.max(...rows.map(([what]) => what.length));
for (const [what, value, remark] of rows) {
  console.log(`${what.padEnd(nameWidth)} ${value.padEnd(12)} ${remark}`.trimEnd());
}
