/**
 * Promise 5: in a lane one at a time, in the order received; a failed delivery takes the rest of its lane in
 * hand back. On a FIFO queue a handler starts only when every earlier message of its group is gone.
 */
import type { Entry } from "../log.ts";
import { movedToDeadLetters } from "./dead-letters.ts";
import type { Ledger } from "./ledger.ts";
import type { Consumer, Delivery, Run, StoredMessage } from "./records.ts";
import type { Report, Rule } from "./rule.ts";

/** How long a schema may take. */
const readWithinMs = 10_000;

/** A lane at one consumer. */
interface Lane {
  /** The arrival of the last one that was started. */
  started: number;
}

export function orderRule(entries: readonly Entry[]): Rule {
  const moved = movedToDeadLetters(entries);
  const lanes = new Map<string, Lane>();
  /** FIFO: messages of a group, in order of their sequence numbers. */
  const groups = new Map<string, StoredMessage[]>();
  /** Behind one whose failure may be the one that counts, for all that the log can tell. */
  const unsure = new Set<Delivery>();
  const laneOf = (consumer: Consumer, key: string): Lane => {
    const name = `${consumer.number} ${key}`;
    let lane = lanes.get(name);
    if (lane === undefined) {
      lane = { started: -1 };
      lanes.set(name, lane);
    }
    return lane;
  };

  const started = (run: Run, delivery: Delivery, ledger: Ledger, report: Report): void => {
    const { consumer } = run;
    const key = delivery.lane;
    if (consumer.facts.lanes === "none" || key === undefined) return;
    const what = `delivery ${delivery.delivery} of lane ${key}`;
    for (const other of consumer.runs) {
      if (other === run || other.delivery?.lane !== key || ledger.isLeftBehind(other)) continue;
      if (other.batch !== undefined && other.batch === run.batch) continue;
      report("order", `${what} was started while run ${other.number} of its lane went on`);
    }
    const lane = laneOf(consumer, key);
    if (delivery.arrival < lane.started) report("order", `${what} was started after a later one`);
    lane.started = Math.max(lane.started, delivery.arrival);
    if (delivery.barredBy !== undefined)
      report("order", `${what} was started after an earlier one had failed`);
    if (consumer.facts.lanes !== "group") return;
    const inBatch = new Set(
      ledger.batches.get(run.batch ?? 0)?.map((other) => other.delivery?.messageId),
    );
    const earlier = (groups.get(key) ?? []).find(
      ({ sequence = "", deleted, copied, id }) =>
        sequence < (delivery.sequence ?? "") &&
        !deleted &&
        !copied &&
        !moved.has(id) &&
        !inBatch.has(id),
    );
    if (earlier !== undefined) {
      report("order", `${what} was started while job ${earlier.job} before it is in the queue`);
    }
  };

  return {
    see: (entry, ledger, report) => {
      if (entry.type === "handlerStarted") {
        const run = ledger.runs.get(entry.run);
        if (run?.delivery !== undefined) started(run, run.delivery, ledger, report);
      } else if (entry.type === "request" && entry.operation === "ChangeMessageVisibilityBatch") {
        for (const { delivery: number } of entry.about) {
          const delivery = ledger.deliveries.get(number);
          if (delivery === undefined || unsure.has(delivery)) continue;
          wentBack(delivery, entry.atMs, report);
        }
      } else if (entry.type === "handlerEnded" || entry.type === "handlerAborted") {
        const run = ledger.runs.get(entry.run);
        if (run?.delivery === undefined || !failed(run)) return;
        // What came while a handler ran on that had lost its lease waits for its end, and is not part of it.
        const ended = entry.type === "handlerEnded";
        // Nor is it of one that was left behind and settled long ago.
        if (ended && ledger.isLeftBehind(run)) return;
        // Nor is it when its consumer has lost it in some other way.
        const fresh = ended ? ledger.isHeld(run.delivery) : run.abortCode === "LEASE_LOST";
        for (const delivery of behind(run.consumer, run.delivery)) {
          if (fresh) delivery.barredBy ??= run.delivery;
          else if (delivery.barredBy === undefined) unsure.add(delivery);
        }
      } else if (entry.type === "applied") {
        for (const { messageId, lane, copyOf } of entry.takenIn) {
          const stored = ledger.messages.get(messageId);
          if (lane === undefined || copyOf !== undefined || stored?.sequence === undefined)
            continue;
          const group = groups.get(lane) ?? [];
          if (!group.includes(stored)) group.push(stored);
          groups.set(lane, group);
        }
      }
    },
  };
}

/** It is to come again when the one that failed does; of the same group at once, since SQS holds it behind that one. */
function wentBack(delivery: Delivery, nowMs: number, report: Report): void {
  const { barredBy: first, settleSeconds, consumer, late, sound, arrivedMs = nowMs } = delivery;
  if (first === undefined || settleSeconds === undefined || late || !sound) return;
  // What is repeated was decided before.
  if (delivery.settleSentMs !== nowMs) return;
  if (consumer?.phase !== "running") return;
  // A schema that takes longer than it may has refused the body: that is a failure of the message's own.
  if (consumer.facts.slowBodies && nowMs - arrivedMs >= readWithinMs) return;
  // Or one before it was lost while it waited, of which no handler could tell.
  for (const { lane, arrival, run, heldUntilMs } of consumer.hand) {
    if (lane !== delivery.lane || arrival >= delivery.arrival) continue;
    if (run === undefined && heldUntilMs <= nowMs) return;
  }
  const isGroup = delivery.group !== undefined && delivery.group === first.group;
  const lost = first.run?.abortCode === "LEASE_LOST";
  const seconds = isGroup || lost ? 0 : first.settleSeconds;
  if (seconds === undefined || seconds === settleSeconds) return;
  const text = `delivery ${delivery.delivery} goes back for ${settleSeconds} s, the one before it for ${seconds} s`;
  report("order", text);
}

/** Whether this end means that the message comes again. */
function failed({ end, abortCode, consumer }: Run): boolean {
  if (abortCode === "LEASE_LOST") return true;
  if (end === undefined || end.how === "resolved") return false;
  if (end.how === "threw" || end.outcome === "retry") return true;
  return end.outcome === "release" && consumer.facts.fifo;
}

/** What is in hand of the lane when one of it fails: it goes back, unprocessed. */
function behind(consumer: Consumer, first: Delivery): Delivery[] {
  if (consumer.facts.lanes === "none" || first.lane === undefined) return [];
  return [...consumer.hand].filter(
    ({ lane, run, arrival }) => lane === first.lane && run === undefined && arrival > first.arrival,
  );
}
