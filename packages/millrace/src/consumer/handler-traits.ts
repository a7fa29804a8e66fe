/**
 * Owns what a handler may say of itself, as properties, and the check that it can be meant. It never runs a handler.
 */
import { OptionError } from "../errors.ts";

/** What a handler may say of itself, as properties of the function. */
export interface HandlerTraits {
  /**
   * How many calls it can run at once, a whole number from 1. A consumer that is given no `concurrency` makes as many,
   * 10,000 at most; one that is given more warns at each start: what is above waits within the handler, and
   * counts as running meanwhile, for `handlerTimeoutMs` too. Several consumers that share a handler are not told of
   * one another. Default: the handler does not say.
   */
  readonly maxConcurrency?: number | undefined;
  /**
   * Which of a consumer's options it can be: `handle`, which is called with a message, or `handleBatch`, which is
   * called with an array of them. The consumer's constructor refuses the other. Default: the handler does not say.
   */
  readonly takes?: "message" | "batch" | undefined;
}

/** What each option is called with. */
const taking = { handle: "message", handleBatch: "batch" } as const;

/**
 * What the function that was given as `option` says of itself.
 *
 * @throws OptionError when it makes no sense, or when the function belongs to the other option.
 */
export function traitsOf(option: keyof typeof taking, handler: object): HandlerTraits {
  const maxConcurrency: unknown = Reflect.get(handler, "maxConcurrency");
  const takes: unknown = Reflect.get(handler, "takes");
  if (!isCount(maxConcurrency)) {
    throw new OptionError(`${option}.maxConcurrency`, "a whole number from 1", maxConcurrency);
  }
  if (takes !== undefined && takes !== "message" && takes !== "batch") {
    throw new OptionError(`${option}.takes`, '"message" or "batch"', takes);
  }
  if (takes !== undefined && takes !== taking[option]) {
    const other = option === "handle" ? "handleBatch" : "handle";
    const expected = `a function that takes a ${taking[option]}: this one takes a ${takes}, and is for ${other}`;
    throw new OptionError(option, expected, handler);
  }
  return { maxConcurrency, takes };
}

function isCount(value: unknown): value is number | undefined {
  return value === undefined || (Number.isSafeInteger(value) && Number(value) >= 1);
}
