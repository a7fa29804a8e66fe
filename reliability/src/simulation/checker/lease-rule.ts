/**
 * Promise 4: while SQS answers, no delivery in hand becomes visible to others; and when a lease is lost all
 * the same, its handler is told before anybody else can have the message.
 */
import { isToBeCopied } from "./inference.ts";
import type { Ledger } from "./ledger.ts";
import type { Delivery } from "./records.ts";
import type { Rule } from "./rule.ts";

export function leaseRule(): Rule {
  /** Whose extension was refused in this very moment. */
  const refusals = new Set<Delivery>();
  return {
    see: (entry, ledger, report) => {
      if (entry.type === "answered" && !entry.late) {
        const call = ledger.calls.get(entry.call);
        for (const [index, delivery] of call?.deliveries.entries() ?? []) {
          const refused = call?.settles[index] === "no" && entry.entries[index] === "refused";
          if (refused) refusals.add(delivery);
        }
      }
      if (entry.type !== "handlerAborted" || entry.code !== "LEASE_LOST") return;
      const delivery = ledger.runs.get(entry.run)?.delivery;
      if (delivery === undefined || delivery.touched || delivery.receiveFaulty) return;
      if (delivery.visibleAtMs <= entry.atMs) return;
      report("leases hold", `delivery ${delivery.delivery} was given up, and SQS kept it`);
    },
    pass: (ledger, nextMs, report) => {
      for (const { delivery: number, run } of refusals) {
        if (run === undefined || run.endedMs !== undefined || run.abortedMs !== undefined) continue;
        const text = `the extension of delivery ${number} was refused, and its handler was not told`;
        report("lost leases are told", text);
      }
      refusals.clear();
      for (const consumer of ledger.consumers.values()) {
        if (consumer.phase !== "running" && consumer.phase !== "stopping") continue;
        for (const delivery of consumer.hand) {
          const { visibleAtMs } = delivery;
          if (visibleAtMs < ledger.nowMs || visibleAtMs >= nextMs) continue;
          if (isKept(delivery)) {
            report("leases hold", `delivery ${delivery.delivery} became visible while in hand`);
          }
          if (isUntold(delivery, ledger)) {
            const text = `delivery ${delivery.delivery} became visible, and its handler was not told`;
            report("lost leases are told", text);
          }
        }
      }
    },
  };
}

/** In hand, and nothing stood in the way of keeping it. */
function isKept(delivery: Delivery): boolean {
  const { run, settleSentMs, touched, receiveFaulty, late, doubtful } = delivery;
  if (touched || receiveFaulty || late || doubtful || settleSentMs !== undefined) return false;
  return !isToBeCopied(delivery) && run?.abortedMs === undefined;
}

/** Its handler runs on without knowing. */
function isUntold({ run, consumer, arrivedMs, handedOutMs }: Delivery, ledger: Ledger): boolean {
  if (run === undefined || run.endedMs !== undefined || run.abortedMs !== undefined) return false;
  if (consumer === undefined || ledger.nowMs <= consumer.blockedUntilMs) return false;
  const underWayMs = (arrivedMs ?? 0) - handedOutMs;
  // An answer that was under way for long may lead to believing in a lease for too long.
  return underWayMs <= consumer.facts.visibilitySeconds * 100;
}
