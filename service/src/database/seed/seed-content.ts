import { type Genre, genres, type Price, type SeatingPlan } from '../../catalog/model.ts';
import { countSeats, type SeatCount } from '../../catalog/seating-plan.ts';
import type { Random } from './random.ts';
import { adjectives, cities, hallNames, nouns, people, sentences, titles, venueNames } from './seed-words.ts';

const venuesPerCity = 8;
export const hallsPerVenue = hallNames.length;
const minimumIntroductionLength = 400;
const dayMs = 86_400_000;
const hourMs = 3_600_000;
const lastDay = 120;
/** Hours after midnight UTC: 14:00, 15:00, 19:00, 19:30 and 20:00 in Korea, so that many performances tie. */
const startHours = [5, 6, 10, 10.5, 11] as const;

export interface SeedVenue {
  readonly id: number;
  readonly name: string;
  readonly city: string;
}

export interface SeedHall extends SeatCount {
  readonly id: number;
  readonly venueId: number;
  readonly name: string;
  readonly seatingPlan: SeatingPlan;
}

export interface SeedPerformance {
  readonly id: number;
  readonly title: string;
  readonly introduction: string;
  readonly genre: Genre;
  readonly period: { readonly from: string; readonly to: string };
  readonly prices: readonly Price[];
  readonly showtimes: readonly { readonly hallId: number; readonly startsAt: string }[];
}

/** The same number of venues in each city: venue ids go round the cities. */
export function seedVenues(): SeedVenue[] {
  return Array.from({ length: cities.length * venuesPerCity }, (_, index) => {
    const city = cities[index % cities.length] ?? cities[0];
    const name = venueNames[Math.floor(index / cities.length) % venueNames.length] ?? venueNames[0];
    return { id: index + 1, name: `${city} ${name}`, city };
  });
}

/** Four halls a venue, of four grades and 200 to 5,000 seats. */
export function seedHalls(venues: readonly SeedVenue[], random: Random): SeedHall[] {
  return venues.flatMap((venue) =>
    hallNames.map((name, index) => {
      const seatingPlan = seedSeatingPlan(random);
      return {
        id: (venue.id - 1) * hallsPerVenue + index + 1,
        venueId: venue.id,
        name,
        seatingPlan,
        ...countSeats(seatingPlan),
      };
    }),
  );
}

/** 5 to 25 rows of 10 to 50 seats for each grade: 200 seats at least, 5,000 at most. */
function seedSeatingPlan(random: Random): SeatingPlan {
  const section = (name: string, grade: string) => ({
    name,
    grade,
    blocks: [{ rows: { from: 1, to: random.integer(5, 25) }, seats: { from: 1, to: random.integer(10, 50) } }],
  });
  return {
    floors: [
      { name: '1', sections: [section('A', 'VIP'), section('B', 'R')] },
      { name: '2', sections: [section('A', 'S'), section('B', 'A')] },
    ],
  };
}

/**
 * Performance `id`, from 1: ids go round the genres and then the cities, so that every genre has the same number
 * of performances in every city. All of its showtimes are in one venue; some are over at `relativeTo`, the others
 * begin a day after it at the earliest, so that no answer changes while a run of less than a day lasts.
 */
export function seedPerformance(
  id: number,
  { showtimes, relativeTo }: { readonly showtimes: number; readonly relativeTo: Date },
  random: Random,
): SeedPerformance {
  const genre = genres[(id - 1) % genres.length] ?? genres[0];
  const city = Math.floor((id - 1) / genres.length) % cities.length;
  const venueId = random.integer(0, venuesPerCity - 1) * cities.length + city + 1;
  const firstDay = Math.ceil(relativeTo.getTime() / dayMs) * dayMs;
  const over = Math.min(random.integer(0, 2), showtimes - 1);
  const starts = Array.from({ length: showtimes }, (_, index) => {
    const day = index < over ? -random.integer(2, lastDay) : random.integer(1, lastDay);
    return firstDay + day * dayMs + random.pick(startHours) * hourMs;
  }).sort((a, b) => a - b);
  const fill = (text: string) => fillIn(text, random);
  return {
    id,
    genre,
    title: fill(random.pick(titles[genre])),
    introduction: seedIntroduction(random),
    period: { from: dateOf(starts[0] ?? firstDay), to: dateOf(starts.at(-1) ?? firstDay) },
    prices: seedPrices(random),
    showtimes: starts.map((start) => ({
      hallId: (venueId - 1) * hallsPerVenue + random.integer(1, hallsPerVenue),
      startsAt: new Date(start).toISOString(),
    })),
  };
}

function seedIntroduction(random: Random): string {
  let introduction = fillIn(random.pick(sentences), random);
  const length = minimumIntroductionLength + random.integer(0, 280);
  while (introduction.length < length) introduction += ` ${fillIn(random.pick(sentences), random)}`;
  return introduction;
}

function seedPrices(random: Random): Price[] {
  const cheapest = random.integer(20, 60) * 1_000;
  return ['VIP', 'R', 'S', 'A'].map((grade, index) => ({ grade, amount: cheapest + (3 - index) * 30_000 }));
}

function fillIn(text: string, random: Random): string {
  return text
    .replace('{adjective}', () => random.pick(adjectives))
    .replace('{noun}', () => random.pick(nouns))
    .replace('{person}', () => random.pick(people));
}

function dateOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}
