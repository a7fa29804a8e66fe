/**
 * Owns the handler of hash.ts as a module that worker threads load. It never counts: that is the main thread's.
 */
import type { Message } from "millrace";
import { compute } from "./hash.ts";

/** Names the environment variable that says how much. */
const roundsVariable = "BENCH_HASH_ROUNDS";

/** What threads that run {@link handle} need in their environment. */
export function hashEnvironment(rounds: number): Record<string, string> {
  return { [roundsVariable]: String(rounds) };
}

export function handle({ body }: Message<unknown>): void {
  compute(String(body), Number(process.env[roundsVariable]));
}
