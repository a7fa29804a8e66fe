/**
 * Owns where the seats of a hall are: their rows, their numbers, and which are the best. It never knows who sits
 * there.
 */

export interface Seat {
  /** As the server calls it: row and number. */
  readonly name: string;
  readonly row: string;
  readonly number: number;
  /** From the best, 0, on: how far it is from the middle of the stage. */
  readonly distance: number;
}

/** A step back is worth as much as this many to the side. */
const rowsAgainstColumns = 1.7;

/** The rows from the stage on; the last may be a shorter one. */
export function rowsOf({
  seats,
  seatsPerRow,
}: {
  readonly seats: number;
  readonly seatsPerRow: number;
}): Seat[][] {
  const middle = (seatsPerRow + 1) / 2;
  return Array.from({ length: Math.ceil(seats / seatsPerRow) }, (_row, row) => {
    const length = Math.min(seatsPerRow, seats - row * seatsPerRow);
    return Array.from({ length }, (_seat, index) => ({
      name: `${rowName(row)}${index + 1}`,
      row: rowName(row),
      number: index + 1,
      distance: Math.hypot(row * rowsAgainstColumns, index + 1 - middle),
    }));
  });
}

/** A, B, … Z, AA, AB, … for 0, 1, … */
function rowName(row: number): string {
  const letter = String.fromCodePoint(65 + (row % 26));
  return row < 26 ? letter : rowName(Math.floor(row / 26) - 1) + letter;
}
