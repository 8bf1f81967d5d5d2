/** Nothing of this process runs behind it: no handler, no answer, no flush. */
export function killThisProcess(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error(`process ${process.pid} outlived SIGKILL`);
}
