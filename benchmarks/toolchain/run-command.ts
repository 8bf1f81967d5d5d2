import { execa } from 'execa';

export interface CommandOptions {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Called with each line that the command prints. */
  onLine?(line: string): void;
}

/**
 * Runs a command to its end and returns what it printed, standard error included. Nothing is read from the terminal.
 * @throws an error with the command and the last lines that it printed
 */
export async function runCommand(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const [file = '', ...args] = command;
  const subprocess = execa(file, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...options.environment },
    all: true,
    stdin: 'ignore',
    reject: false,
  });
  if (options.onLine !== undefined) {
    for await (const line of subprocess.iterable({ from: 'all' })) options.onLine(line);
  }
  const result = await subprocess;
  if (result.failed) {
    const lastLines = (result.all ?? '').trim().split('\n').slice(-5).join('\n');
    throw new Error(`${command.join(' ')}: ${lastLines || result.shortMessage}`, { cause: result.cause });
  }
  return result.all;
}
