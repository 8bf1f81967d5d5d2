import { DomainError } from '../domain-error.ts';

export function venueNotFound(id: number): DomainError {
  return new DomainError('venue-not-found', `there is no venue ${id}`, { venueId: id });
}

export function hallNotFound(id: number): DomainError {
  return new DomainError('hall-not-found', `there is no hall ${id}`, { hallId: id });
}

export function performanceNotFound(id: number): DomainError {
  return new DomainError('performance-not-found', `there is no performance ${id}`, { performanceId: id });
}

export function showtimeNotFound(id: number): DomainError {
  return new DomainError('showtime-not-found', `there is no showtime ${id}`, { showtimeId: id });
}
