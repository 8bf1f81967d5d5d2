import { hash } from 'node:crypto';

import type { Genre } from '../catalog/model.ts';
import type { PerformanceChanged, PerformanceReadKey } from './performance-cache.ts';

/** Raised with every change of what is stored, so that two releases side by side don't read each other's bytes. */
const schemaVersion = 1;
const prefix = `performance-cache:${schemaVersion}`;

/** The keys in Redis that one read hangs on. */
export interface EntryKeys {
  readonly kind: PerformanceReadKey['kind'];
  readonly value: string;
  readonly lease: string;
  /** Keys of the tokens that a stored value must carry: the generation's and, for lists, the collection's version. */
  readonly tokens: readonly string[];
}

export const generationKey = `${prefix}:generation`;

function versionKey(genre: Genre | undefined): string {
  return `${prefix}:version:${genre ?? 'all'}`;
}

function detailName(performanceId: number): string {
  return `detail:${performanceId}`;
}

const longestText = 64;

/**
 * City and cursor are the user's text. No two pairs have the same JSON; where it is long its hash bounds the key, and
 * no hash begins with a bracket.
 */
function listName(key: Extract<PerformanceReadKey, { kind: 'list' }>): string {
  const text = JSON.stringify([key.city ?? null, key.cursor ?? null]);
  const bounded = text.length <= longestText ? text : hash('sha256', text, 'base64url');
  return `list:${key.genre ?? 'all'}:${key.limit}:${bounded}`;
}

export function entryKeys(key: PerformanceReadKey): EntryKeys {
  const name = key.kind === 'detail' ? detailName(key.performanceId) : listName(key);
  return {
    kind: key.kind,
    value: `${prefix}:${name}`,
    lease: `${prefix}:lease:${name}`,
    tokens: key.kind === 'detail' ? [generationKey] : [generationKey, versionKey(key.genre)],
  };
}

/**
 * What has to go when a performance has changed: the same number of keys however many pages there are. One that is on
 * no page (no genres) leaves the pages of all genres as they are, too.
 */
export function changedKeys({ performanceId, genres }: PerformanceChanged): readonly string[] {
  const detail = entryKeys({ kind: 'detail', performanceId });
  const versions = genres.length === 0 ? [] : [versionKey(undefined), ...genres.map(versionKey)];
  return [detail.value, detail.lease, ...versions];
}
