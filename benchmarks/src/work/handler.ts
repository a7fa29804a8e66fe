/**
 * Owns what a handler is to those that are measured with it. It never counts anything itself.
 */

/** A handler, for one message and for many. */
export interface Work {
  readonly handle: (body: string) => Promise<void>;
  readonly handleBatch: (bodies: readonly string[]) => Promise<void>;
  /** What it has to say beyond the number of messages. */
  readonly metrics?: () => Record<string, number>;
}

/** The work of one message, for those that are handed many. */
export function eachOf(
  handle: (body: string) => Promise<void>,
): (bodies: readonly string[]) => Promise<void> {
  return async (bodies) => {
    await Promise.all(bodies.map(handle));
  };
}

/** What a handler that does not wait for anything returns. */
export const done: Promise<void> = Promise.resolve();
