/**
 * Owns how handlers behave: quick, slow, failing, hanging, deaf to their signal. It tells the log what they
 * do, and never settles anything.
 */
import { deadLetter, release, retry } from "millrace";
import type { HandlerContext, Message } from "millrace";
import { deliveryOf, jobOf } from "./bodies.ts";
import type { Draw } from "./draw.ts";
import type { Log, RunEnd } from "./log.ts";
import type { SimulatedProcess } from "./process.ts";
import type { Job, Temper } from "./scenario.ts";
import { anythingReturned, anythingThrown } from "./user-code.ts";

type Behaviour =
  | "quick"
  | "short"
  | "long"
  | "throws"
  | "rejects"
  | "retries"
  | "releases"
  | "deadLetters"
  /** Waits for its signal, then throws its reason, or something else, or resolves all the same. */
  | "waitsForAbort"
  /** Never ends. */
  | "hangs"
  /** Ends long after it was told to. */
  | "deaf"
  | "blocks";

export interface HandlerParts {
  readonly consumer: number;
  readonly process: SimulatedProcess;
  readonly log: Log;
  readonly draw: Draw;
  readonly temper: Temper;
  readonly job: (number: number) => Job | undefined;
  /** Whether things may go wrong now. */
  readonly rough: () => boolean;
  readonly nextRun: () => number;
  /** Does something to the consumer from within its handler. */
  readonly meddle: () => void;
  readonly visibilityMs: number;
}

/** How often each job went wrong so far; shared by all consumers. */
export type Troubles = Map<number, number>;

/** The handler of one consumer. */
export function handlerOf(
  parts: HandlerParts,
  troubles: Troubles,
): (message: Message<unknown>, context: HandlerContext) => unknown {
  const { log, draw, consumer, nextRun } = parts;
  return (message, context) => {
    const run = nextRun();
    const behaviour = choose(parts, troubles, jobOf(message.rawBody));
    log.add("handlerStarted", { run, consumer, delivery: deliveryOf(message), behaviour });
    const ended = (end: RunEnd): void => log.add("handlerEnded", { run, end });
    if (behaviour === "throws") {
      ended({ how: "threw" });
      throw anythingThrown(draw);
    }
    if (behaviour === "quick" && draw.chance(0.5)) {
      ended({ how: "resolved" });
      return anythingReturned(draw);
    }
    return behave(parts, behaviour, run, context, ended);
  };
}

function choose(parts: HandlerParts, troubles: Troubles, number: number): Behaviour {
  const { draw, temper, job, rough } = parts;
  const spent = troubles.get(number) ?? 0;
  const mayFail = rough() && spent < (job(number)?.troubles ?? 0);
  if (!mayFail || !draw.chance(temper.trouble)) {
    return draw.weighted({ quick: 2, short: 3, long: rough() ? 1 : 0.2 });
  }
  troubles.set(number, spent + 1);
  return draw.weighted({
    throws: 2,
    rejects: 3,
    retries: 2,
    releases: 1,
    deadLetters: 1,
    waitsForAbort: temper.hangs ? 2 : 0,
    hangs: temper.hangs ? 1 : 0,
    deaf: 1,
    blocks: temper.blocks ? 2 : 0,
  });
}

async function behave(
  parts: HandlerParts,
  behaviour: Behaviour,
  run: number,
  context: HandlerContext,
  ended: (end: RunEnd) => void,
): Promise<unknown> {
  const { process, log, draw, temper } = parts;
  // The signal is only made when it is asked for: some handlers never do.
  const aborted = behaviour === "quick" ? undefined : watch(context.signal, log, run);
  const fail = (thrown: unknown): never => {
    ended({ how: "threw" });
    throw thrown;
  };
  if (temper.meddles && draw.chance(0.05)) parts.meddle();
  switch (behaviour) {
    case "quick":
      break;
    case "short":
      await process.sleep(draw.magnitude(1, 300));
      break;
    case "long":
      // Half of them listen to their signal.
      if (aborted !== undefined && draw.chance(0.5)) {
        await Promise.race([process.sleep(draw.magnitude(50, temper.longestMs)), aborted]);
        if (context.signal.aborted) return fail(context.signal.reason);
      } else await process.sleep(draw.magnitude(50, temper.longestMs));
      break;
    case "rejects":
      await process.sleep(draw.magnitude(1, 3_000));
      return fail(anythingThrown(draw));
    case "throws":
      return fail(anythingThrown(draw));
    case "retries": {
      await process.sleep(draw.magnitude(1, 1_000));
      const seconds = draw.pick([undefined, 0, 1, 5, 20]);
      ended({ how: "returned", outcome: "retry", seconds });
      return retry({ afterSeconds: seconds });
    }
    case "releases":
      await process.sleep(draw.magnitude(1, 1_000));
      ended({ how: "returned", outcome: "release" });
      return release();
    case "deadLetters":
      await process.sleep(draw.magnitude(1, 1_000));
      ended({ how: "returned", outcome: "deadLetter" });
      return deadLetter({ reason: "on purpose" });
    case "waitsForAbort":
      await aborted;
      if (draw.chance(0.3)) await process.sleep(draw.magnitude(1, 8_000));
      if (draw.chance(0.5)) return fail(context.signal.reason);
      if (draw.chance(0.5)) return fail(anythingThrown(draw));
      break;
    case "hangs":
      return new Promise(() => {});
    case "deaf":
      await process.sleep(draw.magnitude(100, parts.visibilityMs * 3));
      break;
    case "blocks": {
      const forMs = draw.magnitude(10, parts.visibilityMs * 2);
      log.add("blocked", { consumer: parts.consumer, forMs });
      await process.block(forMs);
      break;
    }
  }
  ended({ how: "resolved" });
  return anythingReturned(draw);
}

/** Logs the abort, and resolves at it. */
function watch(signal: AbortSignal, log: Log, run: number): Promise<void> {
  return new Promise((resolve) => {
    const onAbort = (): void => {
      const reason: unknown = signal.reason;
      const code = typeof reason === "object" && reason !== null && "code" in reason;
      log.add("handlerAborted", { run, code: code ? String(reason.code) : String(reason) });
      resolve();
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}
