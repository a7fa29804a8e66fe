/** The judgement on a soak: each thing that can be wrong fails the one check that is for it. */
import { expect, test } from "vitest";
import { soakDefaults } from "../src/chaos/soak-plan.ts";
import { judge } from "../src/chaos/soak-report.ts";
import type { SoakFindings } from "../src/chaos/soak-report.ts";

const clean = { exitCode: 0, signal: undefined, durationMs: 20, figures: undefined };

const good: SoakFindings = {
  plan: { ...soakDefaults, messages: 100, fifo: true },
  sent: 100,
  sendFailures: 1,
  ledger: { rows: 104, duplicates: 4, missing: 0, someMissing: [], unknown: 0, overtaking: 0 },
  faults: { html: 3 },
  requests: { ReceiveMessage: 20 },
  served: { ReceiveMessage: 17 },
  kills: 3,
  restarts: 2,
  stops: [clean, clean],
  drainMs: 10,
  durationMs: 1_000,
  left: { messages: 0, processes: 0, directories: 0 },
};

function failedChecks(findings: Partial<SoakFindings>): string[] {
  return judge({ ...good, ...findings })
    .filter(({ held }) => !held)
    .map(({ name }) => name);
}

test("a soak in which all held passes", () => {
  expect(failedChecks({})).toEqual([]);
});

test.each<[check: string, findings: Partial<SoakFindings>]>([
  ["every message was sent", { sent: 99 }],
  ["none was lost", { ledger: { ...good.ledger, missing: 1, someMissing: [7] } }],
  ["none was made up", { ledger: { ...good.ledger, unknown: 1 } }],
  ["order was kept", { ledger: { ...good.ledger, overtaking: 1 } }],
  ["the queue is empty", { left: { ...good.left, messages: 1 } }],
  ["no process is left", { left: { ...good.left, processes: 1 } }],
  ["no directory is left", { left: { ...good.left, directories: 1 } }],
  ["consumers ended cleanly", { stops: [clean, { ...clean, exitCode: 1 }] }],
  ["consumers ended cleanly", { stops: [clean, { ...clean, durationMs: 60_000 }] }],
  ["consumers ended cleanly", { stops: [clean] }],
  ["there was chaos", { kills: 0 }],
  ["there was chaos", { restarts: 1 }],
  ["there was chaos", { faults: {} }],
])("%s: not with %o", (check, findings) => {
  expect(failedChecks(findings)).toEqual([check]);
});
