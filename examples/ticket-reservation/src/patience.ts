/**
 * Owns how long the office's processes have on their way down: children less than those who wait for them. It never
 * ends one.
 */

/** For a worker's decisions under way, as its parent has it; the end of its consumer takes up to 16 s more. */
export const drainSeconds = 10;

/** For a child, before it is killed: more than a worker takes, or a web server with its requests and its relay. */
export const stopWithinMs = 45_000;
