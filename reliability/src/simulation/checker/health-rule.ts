/**
 * Promise 7: health tells the truth. It is not healthy while the last poll has failed, it is failing when polls
 * have failed for long or that will not pass by itself, and it is healthy when nothing has gone wrong for a while.
 */
import type { Entry } from "../log.ts";
import type { Ledger } from "./ledger.ts";
import type { Rule } from "./rule.ts";

/** Polls that fail for so long are failing, and such a time between two begins anew; a settlement's is forgotten after as long. */
const lastsMs = 60_000;
/** A call may be given up so long after it was made, and end a second later. */
const callMs = 30_000;
const needsSomeone = ["AccessDenied", "QueueDoesNotExist"];

/** What its polls say of a consumer; undefined: nothing for sure. */
type Trouble =
  | { readonly sinceMs: number; readonly lastMs: number; readonly error: string }
  | "none"
  | undefined;

export function healthRule(): Rule {
  const troubles = new Map<number, Trouble>();
  const started = new Set<number>();
  /** When something last happened to a call of a consumer, or to its process. */
  const lastFaultMs = new Map<number, number>();

  /** @param seenAtMs when it sees the answer, which is later where its event loop stands still. */
  const polled = (who: number, error: string | undefined, atMs: number, seenAtMs: number): void => {
    const before = troubles.get(who);
    if (error === undefined) troubles.set(who, "none");
    else {
      const goesOn = before !== undefined && before !== "none" && atMs - before.lastMs < lastsMs;
      const sinceMs = goesOn ? before.sinceMs : seenAtMs;
      troubles.set(who, { sinceMs, lastMs: atMs, error });
    }
  };

  const blocked = (who: number, untilMs: number): void => {
    lastFaultMs.set(who, untilMs);
    const before = troubles.get(who);
    // What it has not seen yet it will take to be as late as this.
    if (before !== undefined && before !== "none")
      troubles.set(who, { ...before, sinceMs: untilMs });
  };

  const expected = (consumer: number, atMs: number, ledger: Ledger): readonly string[] => {
    const trouble = troubles.get(consumer);
    if (trouble === undefined) return [];
    if (trouble !== "none") {
      const { sinceMs, lastMs, error } = trouble;
      const lasts = lastMs - sinceMs >= lastsMs || needsSomeone.includes(error);
      return lasts ? ["failing"] : ["degraded", "failing"];
    }
    const quietMs = atMs - (lastFaultMs.get(consumer) ?? -Infinity);
    const { facts } = ledger.consumer(consumer);
    // An extension that failed counts until the next lease must have been extended.
    const rememberedMs = Math.max(lastsMs, facts.visibilitySeconds * 1_000);
    return facts.limited || quietMs <= rememberedMs + callMs ? [] : ["healthy"];
  };

  return {
    see: (entry, ledger, report) => {
      if (entry.type === "request" && entry.who !== "producer" && entry.fault !== undefined) {
        lastFaultMs.set(entry.who, entry.atMs);
      } else if (entry.type === "blocked") blocked(entry.consumer, entry.atMs + entry.forMs);
      else if (entry.type === "aborted" || entry.type === "answered") {
        const who = poller(entry, ledger);
        // What a stop takes back says nothing of the start that follows.
        if (who === undefined || ledger.consumer(who).phase === "stopping") return;
        // One that is given up may still be answered.
        if (entry.type === "aborted" || entry.late) troubles.set(who, undefined);
        else {
          const { blockedUntilMs } = ledger.consumer(who);
          polled(who, entry.error, entry.atMs, Math.max(entry.atMs, blockedUntilMs));
        }
      } else if (entry.type === "startResolved") {
        // Of one that runs already another start says nothing.
        if (started.has(entry.consumer)) return;
        started.add(entry.consumer);
        const trouble = troubles.get(entry.consumer);
        if (trouble === undefined || trouble === "none") return;
        if (!needsSomeone.includes(trouble.error)) return;
        const text = `consumer ${entry.consumer} has started, and its first poll was answered ${trouble.error}`;
        report("calm", text);
      } else if (entry.type === "startCalled") {
        if (!started.has(entry.consumer)) troubles.set(entry.consumer, undefined);
      } else if (entry.type === "stopCalled") {
        started.delete(entry.consumer);
        troubles.set(entry.consumer, undefined);
      } else if (entry.type === "health") {
        const { consumer, status, atMs } = entry;
        const { phase, blockedUntilMs } = ledger.consumer(consumer);
        if (phase !== "running" || !started.has(consumer) || atMs <= blockedUntilMs) return;
        const wanted = expected(consumer, atMs, ledger);
        if (wanted.length === 0 || wanted.includes(status)) return;
        report(
          "calm",
          `consumer ${consumer} says that it is ${status}, and is ${wanted.join(" or ")}`,
        );
      }
    },
  };
}

/** Whose poll it was that ended so. */
function poller(
  { call }: Extract<Entry, { type: "aborted" | "answered" }>,
  ledger: Ledger,
): number | undefined {
  const request = ledger.calls.get(call)?.request;
  if (request?.operation !== "ReceiveMessage" || request.who === "producer") return undefined;
  return request.who;
}
