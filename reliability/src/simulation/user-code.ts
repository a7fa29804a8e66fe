/**
 * Owns the code that users would hand a consumer beside the handler, as badly as it can be written:
 * loggers, listeners, schemas, retry policies and limits that throw. It never touches SQS.
 */
import { exponentialBackoff } from "millrace";
import type { Consumer, Limit, Logger, Random, RetryPolicy } from "millrace";
import type { Draw } from "./draw.ts";
import type { SimulatedProcess } from "./process.ts";
import type { ConsumerPlan } from "./scenario.ts";

/** The trap of a proxy. */
function trap(): never {
  throw new Error("a trap");
}

/** Whatever JavaScript lets one throw. */
export function anythingThrown(draw: Draw): unknown {
  switch (draw.integer(0, 9)) {
    case 0:
      return undefined;
    case 1:
      return null;
    case 2:
      return "a string";
    case 3:
      return 42;
    case 4:
      return { message: "no error" };
    case 5:
      return new Proxy({}, { get: trap, has: trap, getPrototypeOf: trap, ownKeys: trap });
    case 6:
      return Symbol("thrown");
    case 7:
      return Object.defineProperty(new Error("hidden"), "message", { get: trap });
    case 8:
      return Object.freeze(Object.assign(new Error("aborted"), { name: "AbortError" }));
    default:
      return new TypeError("on purpose");
  }
}

/** Whatever a handler may return that is no outcome. */
export function anythingReturned(draw: Draw): unknown {
  switch (draw.integer(0, 5)) {
    case 0:
      return null;
    case 1:
      return false;
    case 2:
      return { type: "retry", afterSeconds: 5 };
    case 3:
      return new Proxy({}, { has: trap });
    default:
      return undefined;
  }
}

export function loggerOf(draw: Draw, throwing: boolean): Logger {
  const log = (): void => {
    if (throwing && draw.chance(0.5)) throw anythingThrown(draw);
  };
  return { debug: log, info: log, warn: log, error: log };
}

const eventNames = [
  "received",
  "started",
  "acknowledged",
  "retried",
  "released",
  "deadLettered",
  "failed",
  "leaseLost",
  "pollFailed",
  "settleFailed",
  "stateChanged",
] as const;

/** Listens to everything, and throws half of the time. */
export function throwingListeners<Body>(consumer: Consumer<Body>, draw: Draw): void {
  for (const name of eventNames) {
    consumer.on(name, () => {
      if (draw.chance(0.5)) throw anythingThrown(draw);
    });
  }
}

/**
 * @param rough whether things may go wrong now.
 */
export function retryOf(
  plan: ConsumerPlan,
  draw: Draw,
  random: Random,
  rough: () => boolean,
): RetryPolicy {
  const usual = exponentialBackoff({ random, maxSeconds: 60 });
  if (plan.retry === "default") return usual;
  if (plan.retry === "short") return () => draw.integer(0, 3);
  return (failure) => {
    if (!rough()) return usual(failure);
    switch (draw.integer(0, 4)) {
      case 0:
        throw anythingThrown(draw);
      case 1:
        return Number.NaN;
      case 2:
        return -1;
      case 3:
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what users without types do
        return Promise.reject(new Error("an async policy")) as unknown as number;
      default:
        return 1.5;
    }
  };
}

/** @param answered told of what it allows, before its consumer is: 0 where it fails. */
export function limitOf(
  draw: Draw,
  rough: () => boolean,
  answered: (allowed: number) => void,
): Limit {
  const allow = (allowed: number): number => {
    answered(Number.isNaN(allowed) ? 0 : allowed);
    return allowed;
  };
  return () => {
    if (!rough()) return allow(Infinity);
    switch (draw.integer(0, 7)) {
      case 0:
        answered(0);
        throw anythingThrown(draw);
      case 1:
        return allow(0);
      case 2:
        return allow(Number.NaN);
      case 3:
        return allow(draw.integer(1, 3));
      case 4:
        return draw.chance(0.1) ? new Promise<number>(() => {}) : Promise.resolve(allow(5));
      default:
        return allow(Infinity);
    }
  };
}

type Verdict =
  | { readonly value: number }
  | { readonly issues: readonly { readonly message: string }[] };

/**
 * A Standard Schema: takes lists of one number, rejects or blows up at others.
 *
 * @param process where it takes its time, longer now and then than anybody waits; undefined: it answers at once.
 */
export function schemaOf(draw: Draw, rough: () => boolean, process: SimulatedProcess | undefined) {
  const judge = (value: unknown): Verdict => {
    const [job, flaw]: readonly unknown[] = Array.isArray(value) ? value : [];
    if (flaw === "explosive" && rough()) throw anythingThrown(draw);
    if (flaw === "rejected" || typeof job !== "number") {
      return { issues: [{ message: "not a job" }] };
    }
    return { value: job };
  };
  const judgeLater = async (value: unknown, host: SimulatedProcess): Promise<Verdict> => {
    await host.sleep(draw.magnitude(1, rough() ? 15_000 : 100));
    return judge(value);
  };
  return {
    "~standard": {
      version: 1,
      vendor: "simulation",
      validate: (value: unknown): Verdict | Promise<Verdict> =>
        process === undefined || draw.chance(0.5) ? judge(value) : judgeLater(value, process),
    },
  } as const;
}
