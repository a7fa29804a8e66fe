/**
 * Owns the judgement on a run: walks through its log once and has every rule look at it. It reads nothing
 * but the log, and shares no code with what it judges.
 */
import type { Entry } from "../log.ts";
import { attemptRule } from "./attempt-rule.ts";
import { boundRule } from "./bound-rule.ts";
import { calmRule } from "./calm-rule.ts";
import { drainRule } from "./drain-rule.ts";
import { leaseRule } from "./lease-rule.ts";
import { Ledger } from "./ledger.ts";
import { healthRule } from "./health-rule.ts";
import { lossRule } from "./loss-rule.ts";
import { orderRule } from "./order-rule.ts";
import { outcomeRule } from "./outcome-rule.ts";
import { producerRule } from "./producer-rule.ts";
import { pollRule } from "./poll-rule.ts";
import { repeatRule } from "./repeat-rule.ts";
import { requestRule } from "./request-rule.ts";
import type { Rule, Violation } from "./rule.ts";
import { stopRule } from "./stop-rule.ts";

/** More would only repeat themselves. */
const maxViolations = 20;

/** What a log breaks, in the order in which it was seen. Empty: every promise was kept. */
export function check(entries: readonly Entry[]): Violation[] {
  const ledger = new Ledger();
  const rules: readonly Rule[] = [
    lossRule(entries),
    outcomeRule(),
    repeatRule(),
    boundRule(),
    leaseRule(),
    orderRule(entries),
    attemptRule(),
    requestRule(),
    pollRule(),
    calmRule(),
    healthRule(),
    stopRule(),
    drainRule(),
    producerRule(),
  ];
  const violations: Violation[] = [];
  for (const [index, entry] of entries.entries()) {
    const report = (promise: Violation["promise"], text: string): void => {
      violations.push({ promise, atMs: ledger.nowMs, text, entry: index });
    };
    if (entry.atMs > ledger.nowMs) {
      for (const { pass } of rules) pass?.(ledger, entry.atMs, report);
    }
    ledger.follow(entry);
    for (const { see } of rules) see?.(entry, ledger, report);
    if (violations.length >= maxViolations) break;
  }
  return violations;
}
