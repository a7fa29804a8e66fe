/**
 * Owns the way out of a process that has nothing left to do. It never ends one that has.
 */
import process from "node:process";

/**
 * Has this process end as soon as nothing keeps it alive, exit code and all. Node would do so too, but where the machine
 * is busy its own way out now and then spins for ever (https://github.com/nodejs/node/issues/47748); the one of
 * `process.exit()` does not.
 */
export function exitWhenIdle(): void {
  process.once("beforeExit", () => process.exit());
}
