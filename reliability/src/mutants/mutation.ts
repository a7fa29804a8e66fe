/**
 * Owns the shape of a fault that is planted to see whether the checker finds it. It never plants one.
 */
import type { QueueKind } from "../simulation/scenario.ts";

/** A fault: one piece of the built library, and what stands there instead. */
export interface Mutation {
  readonly name: string;
  /** Below packages/millrace/dist/. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Where it shows; undefined: on all kinds of queue. */
  readonly queues?: readonly [QueueKind, ...QueueKind[]];
}
