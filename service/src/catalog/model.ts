/** The words of the catalogue. Instants are ISO 8601 in UTC with milliseconds, dates are `YYYY-MM-DD`. */

export const genres = ['musical', 'concert', 'play', 'classical', 'opera', 'dance', 'family', 'exhibition'] as const;
export type Genre = (typeof genres)[number];

export interface Venue {
  readonly id: number;
  readonly name: string;
  readonly city: string;
}

/** Both ends are included: `{ from: 1, to: 20 }` is twenty rows. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

/** Every row of `rows` has every seat of `seats`. */
export interface SeatBlock {
  readonly rows: NumberRange;
  readonly seats: NumberRange;
}

export interface Section {
  readonly name: string;
  readonly grade: string;
  readonly blocks: readonly SeatBlock[];
}

export interface Floor {
  readonly name: string;
  readonly sections: readonly Section[];
}

export interface SeatingPlan {
  readonly floors: readonly Floor[];
}

export interface SeatsOfGrade {
  readonly grade: string;
  readonly seats: number;
}

export interface Hall {
  readonly id: number;
  readonly venueId: number;
  readonly name: string;
  readonly seatingPlan: SeatingPlan;
  readonly seats: number;
  readonly seatsByGrade: readonly SeatsOfGrade[];
}

/** `amount` is a whole number of the currency's smallest unit. */
export interface Price {
  readonly grade: string;
  readonly amount: number;
}

export interface Showtime {
  readonly id: number;
  readonly performanceId: number;
  readonly hallId: number;
  readonly startsAt: string;
}

export interface Performance {
  readonly id: number;
  readonly title: string;
  readonly introduction: string;
  readonly genre: Genre;
  /** First and last day of the run, both included. */
  readonly period: { readonly from: string; readonly to: string };
  readonly prices: readonly Price[];
}

/** What `GET /performances/{id}` shows: the performance with its showtimes and where they take place. */
export interface PerformanceDetail extends Performance {
  readonly showtimes: readonly (Showtime & { readonly hall: string; readonly venue: string; readonly city: string })[];
}

/** One row of the main page. */
export interface PerformanceSummary {
  readonly id: number;
  readonly title: string;
  readonly genre: Genre;
  readonly venue: string;
  readonly city: string;
  readonly nextShowtime: { readonly id: number; readonly startsAt: string };
  readonly cheapestPrice: number | null;
  readonly seatsByGrade: readonly SeatsOfGrade[];
}
