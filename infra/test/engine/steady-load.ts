export interface LoadRequest {
  readonly url: string;
  readonly ratePerSecond: number;
  /** Of the writes. */
  readonly token: string;
}

export interface LoadOutcome {
  readonly answered: number;
  /** What became of the others, and how many seconds after the beginning each was sent. */
  readonly failures: readonly { readonly what: string; readonly atSeconds: number }[];
}

export interface SteadyLoad {
  stop(): Promise<LoadOutcome>;
}

const tickMs = 5;
const oneWriteIn = 20;

/** Requests at fixed instants, whether or not the ones before were answered; every twentieth writes, and can't be sent twice. */
export function startLoad(request: LoadRequest): SteadyLoad {
  const inFlight = new Set<Promise<void>>();
  const failures: { what: string; atSeconds: number }[] = [];
  const started = performance.now();
  const secondsSince = (): number => (performance.now() - started) / 1_000;
  let sent = 0;
  let answered = 0;
  const timer = setInterval(() => {
    for (; sent < secondsSince() * request.ratePerSecond; sent++) {
      const atSeconds = Number(secondsSince().toFixed(2));
      const one = send(request, sent)
        .then((problem) => void (problem === undefined ? answered++ : failures.push({ what: problem, atSeconds })))
        .finally(() => inFlight.delete(one));
      inFlight.add(one);
    }
  }, tickMs);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
      return { answered, failures };
    },
  };
}

/** What went wrong; `undefined` when it was answered as it should be. */
async function send({ url, token }: LoadRequest, number: number): Promise<string | undefined> {
  const isWrite = number % oneWriteIn === 0;
  const signal = AbortSignal.timeout(10_000);
  try {
    const response = isWrite
      ? await fetch(`${url}/venues`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ name: `Venue ${number}`, city: 'Seoul' }),
          signal,
        })
      : await fetch(`${url}/performances`, { signal });
    const text = await response.text();
    return response.status === (isWrite ? 201 : 200) ? undefined : `${response.status} ${text.slice(0, 100)}`;
  } catch (error) {
    return `${isWrite ? 'write: ' : ''}${String(error)} ${error instanceof Error ? String(error.cause) : ''}`;
  }
}
