import { DomainError } from '../domain-error.ts';
import type { DeadLetters } from './seat-creation-queue.ts';

const letterId = /^\d{1,15}-\d{1,19}$/;

/**
 * Publishes a dead letter's job again and answers its operation's id; asked again, the same. Rejects with
 * `dead-letter-not-found`, `dead-letter-unreadable`, `seat-creation-under-way`, `queue-full` or `queue-unavailable`.
 */
export async function replayDeadLetter(deadLetters: Pick<DeadLetters, 'replay'>, id: string): Promise<string> {
  const replay = letterId.test(id) ? await deadLetters.replay(id) : { result: 'missing' as const };
  if (replay.result === 'replayed') return replay.operationId;
  if (replay.result === 'missing') {
    throw new DomainError(
      'dead-letter-not-found',
      `there is no dead letter "${id.slice(0, 40)}", and none was replayed`,
    );
  }
  if (replay.result === 'unreadable') {
    throw new DomainError('dead-letter-unreadable', `dead letter ${id} is no job that this version can read`);
  }
  throw new DomainError(
    'seat-creation-under-way',
    `another job for its seats is under way, see /seat-creations/${replay.operationId}: dead letter ${id} stays`,
    { operationId: replay.operationId },
  );
}
