/**
 * Owns the judgement of a rush: what has to hold, and whether it did; and its figures. It never runs one.
 */
import { check, formatCount, formatDuration, formatNumber } from "programs";
import type { Check } from "programs";
import type { RushFindings } from "./run-rush.ts";

/** What has to hold whatever was killed, and however often messages came. */
export function judge(findings: RushFindings): Check[] {
  const { plan, bought, ledger, queue, deadLetters, kills } = findings;
  const { taken, pending, confirmed, refused, seatsSoldTwice, atOdds } = ledger;
  const { decidedTwice, toldTwice, untold, outbox } = ledger;
  const expected = Math.min(plan.requests, plan.seats);
  const checks = [
    check(
      "every request was taken, and is there",
      bought.accepted === plan.requests && taken === plan.requests,
      `${formatNumber(bought.accepted)} of ${formatNumber(plan.requests)} answered with 202, ${formatCount(taken, "row")}${
        bought.failure === undefined ? "" : `; ${bought.failed} failed: ${bought.failure}`
      }`,
    ),
    check(
      "every request was decided, once",
      pending === 0 && decidedTwice === 0,
      `${formatNumber(confirmed)} confirmed, ${formatNumber(refused)} refused, ${formatNumber(pending)} pending, ${formatNumber(decidedTwice)} decided twice`,
    ),
    check(
      "every seat was sold, once",
      confirmed === expected && seatsSoldTwice === 0 && atOdds === 0,
      `${formatNumber(confirmed)} of ${formatNumber(expected)} sold, ${formatNumber(seatsSoldTwice)} seats twice, ${formatNumber(atOdds)} at odds with the map`,
    ),
    check(
      "every customer was told, once",
      untold === 0 && toldTwice === 0,
      `${formatNumber(untold)} were not told, ${formatNumber(toldTwice)} twice`,
    ),
    check(
      "nothing is left under way",
      outbox + queue + deadLetters === 0,
      `${outbox} in the outbox, ${queue} in SQS, ${deadLetters} given up`,
    ),
  ];
  if (plan.killEveryMs !== undefined) {
    checks.push(check("workers were killed", kills > 0, `${kills} of them, by SIGKILL`));
  }
  return checks;
}

/** Names and values. */
export function summarize(findings: RushFindings): [name: string, value: string][] {
  const { plan, bought, ledger, durationMs, kills, resent } = findings;
  const { answerMs, accepted } = bought;
  const { decisionMs, decided } = ledger;
  return [
    ["took", formatDuration(durationMs)],
    ["requests taken", `${formatNumber(accepted)}, ${rate(accepted, bought.durationMs)}`],
    ["answered within", `p50 ${formatDuration(answerMs.p50)}, p99 ${formatDuration(answerMs.p99)}`],
    ["decided", `${formatNumber(decided)}, ${rate(decided, durationMs)}`],
    [
      "decided within",
      `p50 ${formatDuration(decisionMs.p50)}, p99 ${formatDuration(decisionMs.p99)}`,
    ],
    ["sold", `${formatNumber(ledger.sold)} of ${formatNumber(plan.seats)} seats`],
    ["workers killed", formatNumber(kills)],
    [
      "sent twice",
      `${formatNumber(resent)}, and SQS delivered ${plan.duplicateShare * 100} % twice`,
    ],
  ];
}

function rate(count: number, ms: number): string {
  return `${formatNumber(Math.round((count / ms) * 1_000))} a second`;
}
