import { DomainError } from '../domain-error.ts';
import type { Violation } from './invalid-request.ts';
import type { NumberRange, SeatBlock, SeatingPlan, SeatsOfGrade } from './model.ts';

const maximumSeatsOfHall = 100_000;
/** Each is a row of the hall's, and one statement writes them all. */
const maximumGradesOfHall = 100;
/** Row and seat numbers end here, so that products of two ranges stay exact integers. */
const maximumRowOrSeatNumber = 1_000_000;
const planPointer = '/seatingPlan';

export interface SeatCount {
  readonly seats: number;
  /** In the order in which the plan first names the grades. */
  readonly seatsByGrade: readonly SeatsOfGrade[];
}

interface NamedBlock extends SeatBlock {
  readonly floor: string;
  readonly section: string;
  readonly grade: string;
  /** JSON Pointer into a body that has the plan as `seatingPlan`. */
  readonly pointer: string;
}

/**
 * Counts the seats of a plan and refuses, with `invalid-seating-plan`, one that no hall can have: nothing in
 * it, a range that is not positive, more than 100,000 seats or 100 grades, or the same seat of a floor's section twice.
 * It multiplies ranges and compares them, and never expands them: O(blocks × log blocks) whatever the seats.
 */
export function countSeats(plan: SeatingPlan): SeatCount {
  const blocks = namedBlocks(plan);
  const seatsOf = new Map<string, number>();
  let seats = 0;
  for (const block of blocks) {
    const seatsOfBlock = numbersIn(block.rows, block, 'rows') * numbersIn(block.seats, block, 'seats');
    seats += seatsOfBlock;
    seatsOf.set(block.grade, (seatsOf.get(block.grade) ?? 0) + seatsOfBlock);
  }
  if (seats > maximumSeatsOfHall) {
    const message = `a hall has at most ${maximumSeatsOfHall} seats, this plan has ${seats}: split the hall`;
    throw invalid(
      message,
      { pointer: planPointer, expected: `a plan of at most ${maximumSeatsOfHall} seats` },
      { seats },
    );
  }
  if (seatsOf.size > maximumGradesOfHall) {
    const grades = seatsOf.size;
    const message = `a hall has at most ${maximumGradesOfHall} grades, this plan has ${grades}: merge some`;
    throw invalid(message, { pointer: planPointer, expected: `of at most ${maximumGradesOfHall} grades` }, { grades });
  }
  refuseOverlaps(blocks);
  return { seats, seatsByGrade: [...seatsOf].map(([grade, seatsOfGrade]) => ({ grade, seats: seatsOfGrade })) };
}

function namedBlocks(plan: SeatingPlan): NamedBlock[] {
  const floors = `${planPointer}/floors`;
  if (plan.floors.length === 0) throw missing('a seating plan', 'floor', floors, {});
  return plan.floors.flatMap((floor, floorIndex) => {
    const sections = `${floors}/${floorIndex}/sections`;
    if (floor.sections.length === 0) throw missing(`floor "${floor.name}"`, 'section', sections, { floor: floor.name });
    return floor.sections.flatMap((section, sectionIndex) => {
      const blocks = `${sections}/${sectionIndex}/blocks`;
      const names = { floor: floor.name, section: section.name };
      if (section.blocks.length === 0)
        throw missing(`section "${section.name}" of floor "${floor.name}"`, 'block', blocks, names);
      return section.blocks.map(({ rows, seats }, blockIndex) => ({
        ...names,
        grade: section.grade,
        rows,
        seats,
        pointer: `${blocks}/${blockIndex}`,
      }));
    });
  });
}

function missing(whole: string, part: string, pointer: string, facts: Readonly<Record<string, unknown>>): DomainError {
  const violation = { pointer, expected: `a list of at least one ${part}` };
  return invalid(`${whole} needs at least one ${part}, got none`, violation, facts);
}

function numbersIn({ from, to }: NumberRange, block: NamedBlock, dimension: 'rows' | 'seats'): number {
  const fromFits = Number.isInteger(from) && from >= 1 && from <= maximumRowOrSeatNumber;
  if (fromFits && Number.isInteger(to) && to >= from && to <= maximumRowOrSeatNumber) return to - from + 1;
  const [end, value, least] = fromFits ? (['to', to, from] as const) : (['from', from, 1] as const);
  throw invalid(
    `${dimension} of section "${block.section}" of floor "${block.floor}" must be whole numbers with ` +
      `1 <= from <= to <= ${maximumRowOrSeatNumber}, got from ${from} to ${to}`,
    {
      pointer: `${block.pointer}/${dimension}/${end}`,
      value,
      expected: `a whole number from ${least} to ${maximumRowOrSeatNumber}`,
    },
    { floor: block.floor, section: block.section, [dimension]: { from, to } },
  );
}

/**
 * A sweep over the rows of each section: the blocks seen so far are kept apart from each other by seat
 * numbers, and one whose rows have ended gives way to the block that meets it.
 */
function refuseOverlaps(blocks: readonly NamedBlock[]): void {
  for (const section of Map.groupBy(blocks, ({ floor, section }) => JSON.stringify([floor, section])).values()) {
    const open: NamedBlock[] = [];
    for (const block of section.toSorted((a, b) => a.rows.from - b.rows.from || a.seats.from - b.seats.from)) {
      const position = firstEndingAtOrAfter(open, block.seats.from);
      let met = open[position];
      while (met !== undefined && met.seats.from <= block.seats.to) {
        if (met.rows.to >= block.rows.from) throw overlap(met, block);
        open.splice(position, 1);
        met = open[position];
      }
      open.splice(position, 0, block);
    }
  }
}

/** The first of `open`, which is sorted by seats, whose last seat is not before `seat`. */
function firstEndingAtOrAfter(open: readonly NamedBlock[], seat: number): number {
  let low = 0;
  let high = open.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((open[middle]?.seats.to ?? seat) < seat) low = middle + 1;
    else high = middle;
  }
  return low;
}

function overlap(first: NamedBlock, second: NamedBlock): DomainError {
  const row = Math.max(first.rows.from, second.rows.from);
  const seat = Math.max(first.seats.from, second.seats.from);
  return invalid(
    `row ${row}, seat ${seat} of section "${first.section}" of floor "${first.floor}" is in two blocks: keep it in one`,
    { pointer: second.pointer, expected: `without row ${row}, seat ${seat}, which ${first.pointer} has` },
    { floor: first.floor, section: first.section, row, seat },
  );
}

/** In the shape of `invalid-request`: `errors` has the one value that is refused first. */
function invalid(
  message: string,
  violation: Omit<Violation, 'in'>,
  facts: Readonly<Record<string, unknown>>,
): DomainError {
  const error: Violation = { in: 'body', ...violation };
  return new DomainError('invalid-seating-plan', message, { ...facts, errors: [error] });
}
