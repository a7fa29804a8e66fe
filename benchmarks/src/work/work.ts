/**
 * Owns the handlers that peers are measured with: what each message costs is the same for all of them. It never
 * knows who calls.
 */
import type { Meter } from "../peers/meter.ts";
import { done } from "./handler.ts";
import type { Work } from "./handler.ts";
import type { HashSpec } from "./hash.ts";
import type { InsertSpec } from "./insert.ts";
import type { LatencySpec } from "./latency.ts";
import type { UnevenSpec } from "./uneven.ts";

/** What a handler does with a message. */
export type WorkSpec =
  | { readonly kind: "nothing" }
  | LatencySpec
  | UnevenSpec
  | InsertSpec
  | HashSpec;

/** Makes the handler. Every work counts into `meter` when a message is done. */
export async function makeWork(spec: WorkSpec, meter: Meter): Promise<Work> {
  switch (spec.kind) {
    case "latency":
      return (await import("./latency.ts")).latency(spec, meter);
    case "uneven":
      return (await import("./uneven.ts")).uneven(spec, meter);
    case "insert":
      return (await import("./insert.ts")).insert(spec, meter);
    case "hash":
      return (await import("./hash.ts")).hash(spec, meter);
    default:
      return nothing(meter);
  }
}

function nothing(meter: Meter): Work {
  const count = (messages: number): Promise<void> => {
    meter.count(messages);
    return done;
  };
  return { handle: () => count(1), handleBatch: (bodies) => count(bodies.length) };
}
