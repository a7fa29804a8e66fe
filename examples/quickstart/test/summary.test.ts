import { VirtualClock } from "millrace/testing";
import { expect, it } from "vitest";
import { Screen } from "programs";
import { printSummary } from "../src/summary.ts";
import { Output } from "programs/testing";

function summary(figures: Parameters<typeof printSummary>[1]): string {
  const output = new Output();
  printSummary(new Screen(output, new VirtualClock()), figures);
  return output.text;
}

it("sums up a run that sent and stored, with requests by operation and by message", () => {
  const requests = {
    SendMessageBatch: 1_000,
    ReceiveMessage: 1_100,
    DeleteMessageBatch: 1_234,
    GetQueueAttributes: 1,
  };
  const text = summary({
    durationMs: 12_345,
    sent: 10_000,
    processed: 9_999,
    retried: 0,
    rows: 10_001,
    requests,
  });
  expect(text).toBe(`
Summary
  took                12.3 s
  sent                10,000
  processed           9,999
  retried             0
  rows in the table   10,001
  SQS requests        3,335: DeleteMessageBatch 1,234, ReceiveMessage 1,100, SendMessageBatch 1,000, GetQueueAttributes 1
  requests a message  0.234 to consume, 0.100 to send
`);
});

it("leaves out what a program has no part in, and what cannot be divided", () => {
  expect(summary({ durationMs: 5, sent: 0, requests: {} })).toBe(`
Summary
  took                5 ms
  sent                0
  SQS requests        0
  requests a message  none
`);
});

it("says when the rows cannot be counted", () => {
  const text = summary({ durationMs: 5, processed: 0, rows: undefined, requests: {} });
  expect(text).toContain("rows in the table   not known: the database does not answer");
});
