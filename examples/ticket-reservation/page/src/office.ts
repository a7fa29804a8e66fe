/**
 * Owns the page's requests to the server. It never keeps what is answered.
 */
import type { OfficeEvent } from "#server/office/events.ts";
import type { ReservationRequest } from "#server/office/reservation.ts";
import type { Reservation } from "./seating.ts";

/** Why a request was not taken, in words for whoever looks at the page. */
export class NotTakenError extends Error {
  /** Of the server's answer; undefined when there was none that could be read. */
  readonly status: number | undefined;

  constructor(why: string, { status, cause }: { status?: number; cause?: unknown }) {
    super(why, { cause });
    this.status = status;
  }
}

const answerWithinMs = 10_000;

/** @throws NotTakenError */
export function listEvents(): Promise<OfficeEvent[]> {
  return call("/events", (body): body is OfficeEvent[] => Array.isArray(body));
}

/**
 * Asks for a seat.
 *
 * @returns the id under which it will be decided.
 * @throws NotTakenError
 */
export async function askFor(request: ReservationRequest): Promise<string> {
  const { id } = await call("/reservations", hasId, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  return id;
}

/**
 * What became of a reservation; undefined when there is none.
 *
 * @throws NotTakenError
 */
export async function findReservation(id: string): Promise<Reservation | undefined> {
  try {
    return await call(`/reservations/${id}`, (body): body is Reservation => hasId(body));
  } catch (error) {
    if (error instanceof NotTakenError && error.status === 404) return undefined;
    throw error;
  }
}

/**
 * What the server answered, read to its end.
 *
 * @param isExpected tells it from what somebody between here and the server may say in its place.
 * @throws NotTakenError whatever went wrong.
 */
async function call<Body>(
  path: string,
  isExpected: (body: unknown) => body is Body,
  init: RequestInit = {},
): Promise<Body> {
  const signal = AbortSignal.timeout(answerWithinMs);
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, { ...init, signal });
    text = await response.text();
  } catch (cause) {
    const why = signal.aborted
      ? "the server did not answer in time"
      : "the server cannot be reached";
    throw new NotTakenError(why, { cause });
  }
  const { ok, status } = response;
  const body = parsed(text);
  if (!ok) throw new NotTakenError(problemIn(body) ?? `the server answered ${status}`, { status });
  if (isExpected(body)) return body;
  throw new NotTakenError("the server answered what cannot be read", {});
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the server says went wrong (RFC 9457). */
function problemIn(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  if ("detail" in body && typeof body.detail === "string") return body.detail;
  return "title" in body && typeof body.title === "string" ? body.title : undefined;
}

function hasId(body: unknown): body is { readonly id: string } {
  return typeof body === "object" && body !== null && "id" in body && typeof body.id === "string";
}
