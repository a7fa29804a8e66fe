/**
 * Owns the shape of a change, as Postgres carries it from the workers to the web servers (NOTIFY). It never sends
 * or receives one.
 */
import { z } from "zod";

/** The name that changes are sent and listened for under. */
export const changeChannel = "tickets_changes";

/** A reservation was decided. */
export interface Change {
  readonly id: string;
  readonly event: string;
  readonly seat: string;
  readonly customer: string;
  readonly state: "confirmed" | "refused";
  readonly reason?: string | undefined;
}

const change: z.ZodType<Change> = z.object({
  id: z.uuid(),
  event: z.string(),
  seat: z.string(),
  customer: z.string(),
  state: z.enum(["confirmed", "refused"]),
  reason: z.string().optional(),
});

/** @throws SyntaxError, ZodError when somebody else speaks on the channel. */
export function parseChange(payload: string): Change {
  return change.parse(JSON.parse(payload));
}
