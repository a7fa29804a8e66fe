/**
 * Owns the page's requests to the server. It never keeps what is answered.
 */
import type { OfficeEvent } from "#server/office/events.ts";
import type { ReservationRequest } from "#server/office/reservation.ts";
import type { Reservation } from "./seating.ts";

/** Why a request was not taken, in words for whoever looks at the page. */
export class NotTakenError extends Error {}

const answerWithinMs = 10_000;

/** @throws NotTakenError */
export async function listEvents(): Promise<OfficeEvent[]> {
  return (await call("/events")).json();
}

/**
 * Asks for a seat.
 *
 * @returns the id under which it will be decided.
 * @throws NotTakenError
 */
export async function askFor(request: ReservationRequest): Promise<string> {
  const response = await call("/reservations", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  const { id }: { id: string } = await response.json();
  return id;
}

/**
 * What became of a reservation; undefined when there is none.
 *
 * @throws NotTakenError
 */
export async function findReservation(id: string): Promise<Reservation | undefined> {
  const response = await call(`/reservations/${id}`, {}, [404]);
  return response.status === 404 ? undefined : response.json();
}

async function call(
  path: string,
  init: RequestInit = {},
  also: readonly number[] = [],
): Promise<Response> {
  const signal = AbortSignal.timeout(answerWithinMs);
  let response: Response;
  try {
    response = await fetch(path, { ...init, signal });
  } catch (error) {
    const why = signal.aborted
      ? "the server did not answer in time"
      : "the server cannot be reached";
    throw new NotTakenError(why, { cause: error });
  }
  if (!response.ok && !also.includes(response.status)) {
    throw new NotTakenError(await problemOf(response));
  }
  return response;
}

/** What the server says went wrong (RFC 9457). */
async function problemOf(response: Response): Promise<string> {
  try {
    const { detail, title }: { detail?: string; title?: string } = await response.json();
    return detail ?? title ?? `the server answered ${response.status}`;
  } catch {
    return `the server answered ${response.status}`;
  }
}
