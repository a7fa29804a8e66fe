/**
 * Owns the check of options against a table of rules: which names there are, and what each takes. It never
 * knows what an option is for.
 */
import { OptionError } from "millrace";

/** What an option takes; left out it is always sound. */
interface OptionRule {
  /** For people: `port must be …`. */
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
  /** Whether the value is kept out of the error. */
  readonly secret?: boolean;
}

/** A rule for each option. */
export type OptionRules<Options> = { readonly [Name in keyof Options]-?: OptionRule };

/** @throws OptionError when `options` is no object, for a name without a rule, and for a value that breaks one. */
export function checkOptions<Options extends object>(
  options: Options,
  rules: OptionRules<Options>,
): void {
  if (!isObject(options)) throw new OptionError("options", "an object", options);
  const table = new Map<string, OptionRule>(Object.entries(rules));
  for (const [name, value] of Object.entries(options)) {
    const rule = table.get(name);
    if (rule === undefined) {
      throw new OptionError(name, "left out: there is no such option", value);
    }
    if (value !== undefined && !rule.holds(value)) {
      const shown = rule.secret === true ? `(not shown) ${typeof value}` : value;
      throw new OptionError(name, rule.expected, shown);
    }
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

export function isWhole(value: unknown, min: number, max: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}

/** Whether it is an object with all these methods; never throws. */
export function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (!isObject(value)) return false;
  try {
    return names.every((name) => typeof value[name] === "function");
  } catch {
    // A getter or a proxy that objects to being asked: then it cannot be used either.
    return false;
  }
}
