import type {
  Genre,
  Hall,
  Performance,
  PerformanceDetail,
  PerformanceSummary,
  SeatsOfGrade,
  Showtime,
  Venue,
} from './model.ts';

/** Where a page of the main page's list goes on: behind this showtime of this performance. */
export interface ListPosition {
  readonly startsAt: string;
  readonly performanceId: number;
}

export interface ListRequest {
  readonly genre?: Genre | undefined;
  readonly city?: string | undefined;
  readonly after?: ListPosition | undefined;
  readonly limit: number;
  /** Showtimes before this instant are over. */
  readonly now: string;
}

export type NewHall = Omit<Hall, 'id' | 'seatsByGrade'> & { readonly seatsByGrade: readonly SeatsOfGrade[] };
export type PerformanceChange = Partial<Omit<Performance, 'id'>>;

/**
 * The catalogue's store. Absence is `undefined`; a reference to something that does not exist is a
 * `DomainError` (`venue-not-found`, `performance-not-found`, `hall-not-found`). A write is durable when its
 * promise resolves, and may have happened when it rejects with `database-unavailable` and the fact
 * `commit: 'unknown'`.
 */
export interface CatalogRepository {
  insertVenue(venue: Omit<Venue, 'id'>): Promise<Venue>;
  findVenue(id: number): Promise<Venue | undefined>;
  insertHall(hall: NewHall): Promise<Hall>;
  findHall(id: number): Promise<Hall | undefined>;
  insertPerformance(performance: Omit<Performance, 'id'>): Promise<Performance>;
  /** The change and the genre that the performance had before it, both from one transaction. */
  updatePerformance(
    id: number,
    change: PerformanceChange,
  ): Promise<{ readonly performance: Performance; readonly previousGenre: Genre } | undefined>;
  findPerformance(id: number): Promise<PerformanceDetail | undefined>;
  /** Sorted by next showtime, then by id; at most `limit`. */
  listPerformances(request: ListRequest): Promise<readonly PerformanceSummary[]>;
  /** With the performance's genre, which names the list pages that the new showtime changes. */
  insertShowtime(showtime: Omit<Showtime, 'id'>): Promise<{ readonly showtime: Showtime; readonly genre: Genre }>;
}
