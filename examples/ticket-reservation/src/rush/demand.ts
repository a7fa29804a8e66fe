/**
 * Owns which seat each buyer of a rush asks for. It never asks.
 */
import type { Random } from "millrace";

/** How many of the best seats left the crowd fights over. */
const crowdedSeats = 8;

/**
 * Everybody wants the best seats left, so that those who come at the same time want the same ones. Each seat is
 * wanted by somebody, if there are as many requests as seats.
 *
 * @param request 0 to `requests` - 1.
 * @returns the seat's place in the hall, 0 to `seats` - 1.
 */
export function wantedSeat(
  request: number,
  { requests, seats }: { readonly requests: number; readonly seats: number },
  random: Random,
): number {
  const front = Math.floor((request * seats) / requests);
  // The first request at each front is for the seat at the front: none is left out.
  const first = request === 0 || Math.floor(((request - 1) * seats) / requests) < front;
  return first ? front : Math.min(seats - 1, front + Math.floor(random() * crowdedSeats));
}
