/** CPU-seconds that processes or threads have used since they began, by their ids, as each of them told of itself. */
export type OwnClocks = ReadonlyMap<string, number>;

/** Processes or threads of a database that burn CPU and tell how much they have used. */
export interface KnownBurn {
  /** As it is printed: who burns. */
  readonly description: string;
  /** What was told so far; whoever burns and is there from the start has told. */
  clocks(): Promise<OwnClocks>;
  /** Burns a second or two. Resolves when those that were to end have gone, with how many rounds it took. */
  burn(): Promise<number>;
  /** The same processes come and go, and burn nothing: what forks and exits cost is told by nobody. */
  comeAndGo(rounds: number): Promise<void>;
  close(): Promise<void>;
}

/** CPU-seconds between the two; whoever is in the later one alone began in between, and counts whole. */
export function usedBetween(earlier: OwnClocks, later: OwnClocks): number {
  return Array.from(later, ([id, seconds]) => seconds - (earlier.get(id) ?? 0)).reduce((sum, own) => sum + own, 0);
}
