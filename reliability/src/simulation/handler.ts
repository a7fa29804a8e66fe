/**
 * Owns the handlers of simulated consumers, for one message and for a batch of them. It tells the log what
 * they do, and never settles anything.
 */
import { LeaseLostError } from "millrace";
import type { HandlerContext, Message, Outcome } from "millrace";
import { ask, behave, chooseLength, chooseTrouble, codeOf, isAsking, watch } from "./behaviour.ts";
import type { Behaviour, HandlerParts, Teller } from "./behaviour.ts";
import { deliveryOf, jobOf } from "./bodies.ts";
import type { RunEnd } from "./log.ts";
import { anythingReturned, anythingThrown } from "./user-code.ts";

/** A message in the hands of a handler. */
interface Run {
  readonly number: number;
  readonly message: Message<unknown>;
}

/** The handler of one consumer. */
export function handlerOf(
  parts: HandlerParts,
): (message: Message<unknown>, context: HandlerContext) => unknown {
  const { log, consumer, nextRun } = parts;
  return (message, context) => {
    const run = nextRun();
    const behaviour = chooseTrouble(parts, jobOf(message.rawBody)) ?? chooseLength(parts);
    const delivery = deliveryOf(message);
    log.add("handlerStarted", { run, consumer, delivery, behaviour, batch: undefined });
    const teller: Teller = {
      aborted: (reason) => log.add("handlerAborted", { run, code: codeOf(reason) }),
      ended: (end) => log.add("handlerEnded", { run, end }),
    };
    return begin(parts, behaviour, context, teller);
  };
}

/**
 * The batch handler of one consumer: as one message would have it, or with an outcome for each.
 *
 * @param ordered whether there are lanes. Then none is dead-lettered: without a queue for it that is a
 * failure, and the log does not show whether those behind it in the batch come again.
 */
export function batchHandlerOf(
  parts: HandlerParts,
  ordered: boolean,
): (messages: readonly Message<unknown>[], context: HandlerContext) => unknown {
  const { log, consumer, nextRun } = parts;
  return (messages, context) => {
    const troubles = messages.map(({ rawBody }) => {
      const trouble = chooseTrouble(parts, jobOf(rawBody));
      return ordered && trouble === "deadLetters" ? "retries" : trouble;
    });
    // One message that goes wrong in a way that is the whole batch's is enough.
    const whole = troubles.find((each) => each !== undefined && !isAsking(each));
    const asking = troubles.some((each) => each !== undefined);
    const behaviour = whole ?? (asking ? "outcomes" : chooseLength(parts));
    const runs = messages.map((message): Run => ({ number: nextRun(), message }));
    const batch = runs[0]?.number;
    for (const { number: run, message } of runs) {
      const delivery = deliveryOf(message);
      log.add("handlerStarted", { run, consumer, delivery, behaviour, batch });
    }
    const teller: Teller = {
      aborted: (reason) => {
        for (const run of runs) {
          log.add("handlerAborted", { run: run.number, code: codeFor(run, runs, reason) });
        }
      },
      ended: (end) => {
        for (const { number: run } of runs) log.add("handlerEnded", { run, end });
      },
    };
    if (behaviour === "outcomes") return decide(parts, runs, troubles, context, teller);
    return begin(parts, behaviour, context, teller);
  };
}

/** Some handlers end before they have returned. */
function begin(
  parts: HandlerParts,
  behaviour: Behaviour,
  context: HandlerContext,
  teller: Teller,
): unknown {
  const { draw } = parts;
  if (behaviour === "throws") {
    teller.ended({ how: "threw" });
    throw anythingThrown(draw);
  }
  if (behaviour === "quick" && draw.chance(0.5)) {
    teller.ended({ how: "resolved" });
    return anythingReturned(draw);
  }
  return behave(parts, behaviour, context, teller);
}

/** Answers with an array: of an outcome for each message, or of a wrong length, or with something else in it. */
async function decide(
  parts: HandlerParts,
  runs: readonly Run[],
  troubles: readonly (Behaviour | undefined)[],
  context: HandlerContext,
  teller: Teller,
): Promise<unknown> {
  const { process, draw, log } = parts;
  void watch(context.signal, teller);
  await process.sleep(draw.magnitude(1, 1_000));
  if (draw.chance(0.2)) {
    teller.ended({ how: "threw" });
    const outcomes: unknown[] = runs.map(() => undefined);
    if (draw.chance(0.5))
      outcomes[draw.integer(0, runs.length - 1)] = draw.pick<unknown>([true, null, {}]);
    else if (draw.integer(0, 1) === 0) outcomes.push(undefined);
    else outcomes.pop();
    return outcomes;
  }
  return runs.map(({ number: run }, index) => {
    const trouble = troubles[index];
    let end: RunEnd = { how: "resolved" };
    let outcome: Outcome | undefined;
    if (trouble !== undefined && isAsking(trouble)) ({ end, outcome } = ask(draw, trouble));
    log.add("handlerEnded", { run, end });
    return outcome;
  });
}

/**
 * A batch ends for the lease of one of its messages, which the reason names; by that name there may be
 * several in it, of which only one is lost.
 */
function codeFor(run: Run, runs: readonly Run[], reason: unknown): string {
  const code = codeOf(reason);
  if (code !== "LEASE_LOST") return code;
  const named =
    reason instanceof LeaseLostError
      ? runs.filter(({ message }) => message.id === reason.messageId)
      : [];
  return named.length === 1 && named[0] === run ? code : "BATCH_ABORTED";
}
