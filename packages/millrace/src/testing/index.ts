/**
 * The public API of "millrace/testing": what users need to test their handlers. It holds no code.
 */
export { seededRandom } from "./seeded-random.ts";
export { VirtualClock } from "./virtual-clock.ts";
