import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

interface Api {
  readonly apiUrl: string;
  readonly apiToken: string;
}

const inFlight = 12;
const timeoutMs = 30_000;
const createdSchema = z.object({ id: z.int() });

/** The id of a new venue. */
export async function createVenue(api: Api): Promise<number> {
  const agent = new Agent();
  return post(api, agent, '/venues', { name: 'Stage', city: 'Seoul' });
}

/** New halls of a venue, each with a plan of so many seats and without a seat: their ids. */
export async function createHalls(
  api: Api,
  venueId: number,
  { count, seatsEach }: { readonly count: number; readonly seatsEach: number },
): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  const hall = { name: `${seatsEach} seats`, seatingPlan: planOf(seatsEach) };
  const ids: number[] = [];
  let begun = 0;
  const client = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      ids.push(await post(api, agent, `/venues/${venueId}/halls`, hall));
    }
  };
  try {
    await Promise.all(Array.from({ length: inFlight }, client));
  } finally {
    agent.destroy();
  }
  return ids;
}

/** Rows of at most 50 seats, all of the same length. */
function planOf(seats: number): object {
  const longestRow = 50;
  const inRow = Array.from({ length: longestRow }, (_, index) => longestRow - index).find((n) => seats % n === 0) ?? 1;
  const blocks = [{ rows: { from: 1, to: seats / inRow }, seats: { from: 1, to: inRow } }];
  return { floors: [{ name: '1', sections: [{ name: 'A', grade: 'R', blocks }] }] };
}

/** The id of what was made. */
async function post({ apiUrl, apiToken }: Api, agent: Agent, path: string, body: object): Promise<number> {
  const content = JSON.stringify(body);
  const url = new URL(path, apiUrl);
  const { status, answer } = await new Promise<{ status: number; answer: string }>((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        agent,
        timeout: timeoutMs,
        headers: {
          authorization: `Bearer ${apiToken}`,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(content),
        },
      },
      (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode ?? 0, answer }), reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    sent.on('error', (cause) => reject(new Error(`POST ${url.href} failed`, { cause })));
    sent.end(content);
  });
  if (status !== 201) throw new Error(`POST ${url.href} was answered ${status}, not 201: ${answer.slice(0, 300)}`);
  return createdSchema.parse(JSON.parse(answer)).id;
}
