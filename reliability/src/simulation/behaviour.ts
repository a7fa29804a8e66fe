/**
 * Owns how handlers behave: quick, slow, failing, hanging, deaf to their signal. It never decides which
 * messages a handler has.
 */
import { deadLetter, release, retry } from "millrace";
import type { HandlerContext, Outcome } from "millrace";
import type { Draw } from "./draw.ts";
import type { Log, RunEnd } from "./log.ts";
import type { SimulatedProcess } from "./process.ts";
import type { Job, Temper } from "./scenario.ts";
import { anythingReturned, anythingThrown } from "./user-code.ts";

/** One that asks for an outcome. */
const outcomes = ["retries", "releases", "deadLetters"] as const;
type Asking = (typeof outcomes)[number];

export type Behaviour =
  | "quick"
  | "short"
  | "long"
  | "throws"
  | "rejects"
  | Asking
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
  /** How often each job went wrong so far; shared by all consumers. */
  readonly troubles: Map<number, number>;
}

/** Whom a handler that behaves tells what it does. */
export interface Teller {
  readonly aborted: (reason: unknown) => void;
  readonly ended: (end: RunEnd) => void;
}

/** What goes wrong with a job this time; undefined: nothing. */
export function chooseTrouble(parts: HandlerParts, number: number): Behaviour | undefined {
  const { draw, temper, job, rough, troubles } = parts;
  const spent = troubles.get(number) ?? 0;
  const mayFail = rough() && spent < (job(number)?.troubles ?? 0);
  if (!mayFail || !draw.chance(temper.trouble)) return undefined;
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

/** How long it takes where nothing goes wrong. */
export function chooseLength({ draw, rough }: HandlerParts): Behaviour {
  return draw.weighted({ quick: 2, short: 3, long: rough() ? 1 : 0.2 });
}

export function isAsking(behaviour: Behaviour): behaviour is Asking {
  return outcomes.some((each) => each === behaviour);
}

/** An outcome to ask for, and how the log has it. */
export function ask(
  draw: Draw,
  behaviour: Asking,
): { readonly outcome: Outcome; readonly end: RunEnd } {
  switch (behaviour) {
    case "retries": {
      const seconds = draw.pick([undefined, 0, 1, 5, 20]);
      return {
        outcome: retry({ afterSeconds: seconds }),
        end: { how: "returned", outcome: "retry", seconds },
      };
    }
    case "releases":
      return { outcome: release(), end: { how: "returned", outcome: "release" } };
    default:
      return {
        outcome: deadLetter({ reason: "on purpose" }),
        end: { how: "returned", outcome: "deadLetter" },
      };
  }
}

/** Behaves so: what a handler of one message does. */
export async function behave(
  parts: HandlerParts,
  behaviour: Behaviour,
  context: HandlerContext,
  teller: Teller,
): Promise<unknown> {
  const { process, log, draw, temper } = parts;
  // The signal is only made when it is asked for: some handlers never do.
  const aborted = behaviour === "quick" ? undefined : watch(context.signal, teller);
  const fail = (thrown: unknown): never => {
    teller.ended({ how: "threw" });
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
    case "retries":
    case "releases":
    case "deadLetters": {
      await process.sleep(draw.magnitude(1, 1_000));
      const { outcome, end } = ask(draw, behaviour);
      teller.ended(end);
      return outcome;
    }
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
  teller.ended({ how: "resolved" });
  return anythingReturned(draw);
}

/** Tells of the abort, and resolves at it. */
export function watch(signal: AbortSignal, { aborted }: Teller): Promise<void> {
  return new Promise((resolve) => {
    const onAbort = (): void => {
      aborted(signal.reason);
      resolve();
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** The code of whatever a signal was aborted with. */
export function codeOf(reason: unknown): string {
  const code = typeof reason === "object" && reason !== null && "code" in reason;
  return code ? String(reason.code) : String(reason);
}
