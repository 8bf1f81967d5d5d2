import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** One HTTP request as k6 recorded it. Times are whole microseconds, instants since 1970. */
export interface RawRequest {
  /** When the answer was complete. */
  readonly endedAt: number;
  /** From the first byte sent to the last received: without waiting for a connection, as in k6's own figures. */
  readonly latency: number;
  readonly route: string;
  readonly method: string;
  /** Not the expected status, or no answer at all. */
  readonly failed: boolean;
}

/** One value of a metric, and its instant in microseconds since 1970. */
export interface RawValue {
  readonly at: number;
  readonly value: number;
}

/** What a run of k6 left behind: its requests and the other metrics that the lab reads. */
export interface RawSamples {
  readonly requests: readonly RawRequest[];
  readonly droppedIterations: readonly RawValue[];
  readonly wrongBodies: readonly RawValue[];
  readonly receivedBytes: readonly RawValue[];
  readonly scheduleLagMilliseconds: readonly RawValue[];
  readonly virtualUsers: readonly RawValue[];
  readonly sha256: string;
}

/**
 * Reads k6's raw CSV, written with K6_CSV_TIME_FORMAT=unix_micro, in one pass. Rejects when a line is not what the
 * header promises: half a file is no measurement.
 */
export async function readRawSamples(file: string): Promise<RawSamples> {
  const hash = createHash('sha256');
  const reader = createRowReader(file);
  let rest = '';
  // k6's rows are ASCII (the tags are ours), so that no character is cut in two.
  const chunks: AsyncIterable<string> = createReadStream(file, { encoding: 'latin1', highWaterMark: 1 << 20 });
  for await (const chunk of chunks) {
    hash.update(chunk, 'latin1');
    const text = rest + chunk;
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      reader.row(text, start, end);
      start = end + 1;
    }
    rest = text.slice(start);
  }
  if (rest !== '') throw new Error(`${file} ends in the middle of a line: "${rest.slice(0, 80)}"`);
  return { ...reader.samples(), sha256: hash.digest('hex') };
}

interface RowReader {
  /** The line is `text` from `start` to before `end`. Most are of metrics that nobody reads: those are not cut out. */
  row(text: string, start: number, end: number): void;
  samples(): Omit<RawSamples, 'sha256'>;
}

function createRowReader(file: string): RowReader {
  const requests: RawRequest[] = [];
  const droppedIterations: RawValue[] = [];
  const wrongBodies: RawValue[] = [];
  const receivedBytes: RawValue[] = [];
  const scheduleLagMilliseconds: RawValue[] = [];
  const virtualUsers: RawValue[] = [];
  const valuesOf = new Map([
    ['dropped_iterations', droppedIterations],
    ['wrong_body', wrongBodies],
    ['data_received', receivedBytes],
    ['schedule_lag', scheduleLagMilliseconds],
    ['vus_max', virtualUsers],
  ]);
  let columns: Columns | undefined;
  let line = 0;

  return {
    row(text, start, end) {
      line += 1;
      if (columns === undefined) {
        columns = readHeader(file, text.slice(start, end));
        return;
      }
      const metric = text.slice(start, text.indexOf(',', start));
      const values = valuesOf.get(metric);
      if (values === undefined && metric !== 'http_req_duration') return;
      const fields = text.slice(start, end).split(',');
      const at = Number(fields[columns.timestamp]);
      const value = Number(fields[columns.value]);
      if (fields.length !== columns.width || !Number.isSafeInteger(at) || !Number.isFinite(value)) {
        throw new Error(`${file}, line ${line}: not a row of ${columns.width}: "${text.slice(start, end)}"`);
      }
      if (values === undefined) requests.push(request(fields, columns, at, value));
      else values.push({ at, value });
    },
    samples() {
      if (columns === undefined) throw new Error(`${file} is empty`);
      return { requests, droppedIterations, wrongBodies, receivedBytes, scheduleLagMilliseconds, virtualUsers };
    },
  };
}

function request(fields: readonly string[], columns: Columns, endedAt: number, milliseconds: number): RawRequest {
  return {
    endedAt,
    latency: Math.round(1000 * milliseconds),
    route: fields[columns.route] ?? '',
    method: fields[columns.method] ?? '',
    failed: fields[columns.expectedResponse] !== 'true',
  };
}

type Columns = ReturnType<typeof readHeader>;

/** Where the columns are: k6 has one for each of the script's system tags, in alphabetical order. */
function readHeader(file: string, line: string) {
  const names = line.split(',');
  const column = (name: string): number => {
    const index = names.indexOf(name);
    if (index === -1) throw new Error(`${file} has no column ${name}, only ${line}: see options.systemTags`);
    return index;
  };
  return {
    width: names.length,
    timestamp: column('timestamp'),
    value: column('metric_value'),
    route: column('name'),
    method: column('method'),
    expectedResponse: column('expected_response'),
  };
}
