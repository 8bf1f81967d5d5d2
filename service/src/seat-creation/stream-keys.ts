import { hash } from 'node:crypto';

import type { IdempotencyKey, SeatTarget } from './job.ts';

/** The names in Redis; README.md says what stands there. */
export const streamKey = 'seat-creation';
export const groupName = 'seat-makers';
export const deadLettersKey = 'seat-creation:dead';
export const operationPrefix = 'seat-creation:operation:';
export const slotPrefix = 'seat-creation:slot:';
export const consumerPrefix = 'worker-';

export function operationKey(operationId: string): string {
  return `${operationPrefix}${operationId}`;
}

export function targetName({ kind, id }: SeatTarget): string {
  return `${kind}:${id}`;
}

export function targetKey(target: SeatTarget): string {
  return `seat-creation:target:${targetName(target)}`;
}

/** The client's text is hashed, which bounds the name. */
export function idempotencyRedisKey({ scope, key }: IdempotencyKey): string {
  return `seat-creation:key:${scope}:${hash('sha256', key, 'base64url')}`;
}

export function replayedKey(letterId: string): string {
  return `seat-creation:replayed:${letterId}`;
}
