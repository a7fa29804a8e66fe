/**
 * The public API of "millrace/testing": what users need to test their handlers. It holds no code.
 */
export { VirtualClock } from "./virtual-clock.ts";
