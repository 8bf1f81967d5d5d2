/**
 * What `callBuffer` gives with ioredis 6 and RESP3, which is not what the methods of the same names give: a reply to
 * XREADGROUP is `[stream, entries]`, flat, where `xreadgroupBuffer` has `[[stream, entries]]`. Scripts speak RESP2.
 */
export interface StreamEntry {
  /** `<ms>-<sequence>`. */
  readonly entryId: string;
  /** The values of the entry's fields by name; of a name that is there twice, the last. */
  readonly fields: ReadonlyMap<string, Buffer>;
}

/** Throws when a reply is not what the command or the script is known to answer. */
export function unreadableReply(command: string, reply: unknown): Error {
  return new Error(`${command} answered ${JSON.stringify(reply)?.slice(0, 200)}, which stream-reply.ts can't read`);
}

export function asList(command: string, reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw unreadableReply(command, reply);
}

export function asText(command: string, reply: unknown): string {
  if (Buffer.isBuffer(reply)) return reply.toString();
  if (typeof reply === 'string') return reply;
  throw unreadableReply(command, reply);
}

export function asNumber(command: string, reply: unknown): number {
  const number = Buffer.isBuffer(reply) ? Number(reply.toString()) : reply;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw unreadableReply(command, reply);
}

export function asFields(command: string, reply: unknown): ReadonlyMap<string, Buffer> {
  const flat = asList(command, reply);
  const fields = new Map<string, Buffer>();
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const value = flat[index + 1];
    if (!Buffer.isBuffer(value)) throw unreadableReply(command, reply);
    fields.set(asText(command, flat[index]), value);
  }
  return fields;
}

/** Of XRANGE, and of one stream of XREADGROUP. */
export function asEntries(command: string, reply: unknown): readonly StreamEntry[] {
  return asList(command, reply).map((entry) => {
    const [entryId, fields] = asList(command, entry);
    return { entryId: asText(command, entryId), fields: asFields(command, fields) };
  });
}

/** Of XREADGROUP with one stream: `null` when nothing came while it blocked. */
export function asReadEntries(reply: unknown): readonly StreamEntry[] {
  if (reply === null) return [];
  return asEntries('XREADGROUP', asList('XREADGROUP', reply)[1]);
}

export function isNoGroup(error: unknown): boolean {
  return error instanceof Error && /^(NOGROUP|UNBLOCKED)/.test(error.message);
}
