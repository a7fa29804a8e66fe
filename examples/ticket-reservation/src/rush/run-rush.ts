/**
 * Owns a rush from the first request until all is decided and quiet. It never judges what came of it.
 */
import { sleep, systemClock } from "millrace";
import { ChildProgram, RunFailedError } from "programs";
import { messagesIn } from "../office-queue.ts";
import { stopWithinMs } from "../patience.ts";
import { parseBought } from "./bought.ts";
import type { Bought } from "./bought.ts";
import { Disturbances } from "./disturbances.ts";
import type { Disturbed } from "./disturbances.ts";
import { rushLedger, rushProgress } from "./rush-ledger.ts";
import type { RushLedger, RushProgress } from "./rush-ledger.ts";
import { rushEvent, withRushOffice } from "./rush-office.ts";
import type { RushOffice } from "./rush-office.ts";
import type { RushPlan } from "./rush-plan.ts";

export interface RushFindings extends Disturbed {
  readonly plan: RushPlan;
  readonly bought: Bought;
  readonly ledger: RushLedger;
  /** From the first request until all were decided, and nothing was under way any more. */
  readonly durationMs: number;
  /** Messages in SQS in the end. */
  readonly queue: number;
  readonly deadLetters: number;
}

export interface RushAround {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RushProgress & Disturbed) => void;
}

const lookEveryMs = 200;
/** Share of the decisions after which the office is left alone, so that the end comes. */
const calmAfter = 0.9;

/** @throws RunFailedError when nothing moves any more, or a process ends by itself; the signal's reason. */
export function runRush(plan: RushPlan, around: RushAround): Promise<RushFindings> {
  return withRushOffice(plan, around.signal, async (office) => {
    const { sqs, pool, web, staff } = office;
    const startedMs = systemClock.monotonicMs();
    const buyers = launchBuyers(plan, office.address);
    try {
      const disturbed = await untilQuiet(plan, office, buyers, around);
      const durationMs = systemClock.monotonicMs() - startedMs;
      const bought = await resultOf(buyers);
      await web.stop(stopWithinMs);
      await staff.stop(stopWithinMs);
      const ledger = await rushLedger(pool, rushEvent.id);
      return { plan, bought, ledger, durationMs, ...(await messagesIn(sqs)), ...disturbed };
    } finally {
      await buyers.kill();
    }
  });
}

function launchBuyers({ requests, seats, buyers, seed }: RushPlan, address: string): ChildProgram {
  const options = {
    url: address,
    event: rushEvent.id,
    requests,
    seats,
    "seats-per-row": rushEvent.seatsPerRow,
    "at-once": buyers,
    seed,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  return new ChildProgram({ file: new URL("../buyers.js", import.meta.url), args, quiet: true });
}

async function resultOf(buyers: ChildProgram): Promise<Bought> {
  const told = await buyers.told;
  if (told !== undefined) return parseBought(told);
  throw new RunFailedError(`the buyers gave up: ${buyers.lastWords(await buyers.exited)}`);
}

/** Disturbs the office, and resolves when the buyers are through and nothing is under way any more. */
async function untilQuiet(
  plan: RushPlan,
  office: RushOffice,
  buyers: ChildProgram,
  { signal, onProgress }: RushAround,
): Promise<Disturbed> {
  const { sqs, pool, broken } = office;
  const over = AbortSignal.any([signal, broken]);
  const disturbances = new Disturbances(plan, office);
  let through = false;
  void buyers.told.then(() => (through = true));
  const patience = new Patience(plan.giveUpAfterMs);
  try {
    for (;;) {
      const progress = await rushProgress(pool, rushEvent.id);
      const { taken, decided, outbox } = progress;
      onProgress({ ...progress, ...disturbances.counted });
      if (decided > 0) disturbances.begin();
      if (decided >= plan.requests * calmAfter || (through && decided === taken)) {
        await disturbances.end();
      }
      const left = (await messagesIn(sqs)).queue;
      if (through && disturbances.ended && decided === taken && outbox + left === 0) break;
      patience.saw(`${taken} taken, ${decided} decided, ${outbox} in the outbox, ${left} in SQS`);
      await sleep(systemClock, lookEveryMs, over);
    }
  } finally {
    await disturbances.end();
  }
  return disturbances.counted;
}

/** Gives up when the same is seen for too long. */
class Patience {
  readonly #withinMs: number;
  #seen = "";
  #sinceMs = 0;

  constructor(withinMs: number) {
    this.#withinMs = withinMs;
  }

  saw(state: string): void {
    const nowMs = systemClock.monotonicMs();
    if (state !== this.#seen) {
      this.#seen = state;
      this.#sinceMs = nowMs;
    } else if (nowMs - this.#sinceMs > this.#withinMs) {
      throw new RunFailedError(`nothing moved for ${this.#withinMs / 1_000} s: ${state}`);
    }
  }
}
