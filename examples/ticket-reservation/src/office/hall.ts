/**
 * Owns how the seats of a hall are called and arranged. It never knows who sits there.
 */

/** Seats in rows, from the stage on; the last row may be a shorter one. */
export interface Hall {
  readonly seats: number;
  readonly seatsPerRow: number;
}

/** A, B, … Z, AA, AB, … for 0, 1, … */
function rowName(row: number): string {
  const letter = String.fromCodePoint(65 + (row % 26));
  return row < 26 ? letter : rowName(Math.floor(row / 26) - 1) + letter;
}

/** Their names, A1 first. */
export function seatNames({ seats, seatsPerRow }: Hall): string[] {
  return Array.from(
    { length: seats },
    (_, index) => `${rowName(Math.floor(index / seatsPerRow))}${(index % seatsPerRow) + 1}`,
  );
}
