import { VirtualClock } from "millrace/testing";
import { expect, it } from "vitest";
import { Journal } from "../src/journal.ts";
import { Screen } from "../src/screen.ts";
import { Output } from "../src/testing/output.ts";

function setUp({ verbose = false } = {}): {
  clock: VirtualClock;
  output: Output;
  journal: Journal;
} {
  const clock = new VirtualClock();
  const output = new Output();
  return {
    clock,
    output,
    journal: new Journal({ screen: new Screen(output, clock), verbose, clock }),
  };
}

function addStarted(journal: Journal, count: number): void {
  for (let i = 0; i < count; i++) {
    journal.add({ who: "worker 1", what: "started", kind: "started" });
  }
}

const startedLine = "worker 1    started";

it("gives every entry a line while there are few", async () => {
  const { clock, output, journal } = setUp();
  for (let second = 0; second < 3; second++) {
    addStarted(journal, 400);
    await clock.advance(1_000);
  }
  expect(output.lines).toEqual(Array.from({ length: 1_200 }, () => startedLine));
});

it("sums up, by kind and second, when there are many, but for a few that are notable", async () => {
  const { clock, output, journal } = setUp();
  addStarted(journal, 400);
  output.text = "";
  addStarted(journal, 10);
  journal.add({ who: "receiver", what: "received 10", kind: "received", count: 10 });
  for (let i = 0; i < 7; i++) {
    journal.add({ who: "retry", what: `no ${i}`, kind: "retried", notable: true });
  }
  await clock.advance(1_000);
  expect(output.lines).toEqual([
    "…           more than 400 lines a second: now one a second for all (--verbose: each)",
    ...["no 0", "no 1", "no 2", "no 3", "no 4"].map((what) => `retry       ${what}`),
    "…           started 10, received 10, retried 2",
  ]);

  output.text = "";
  addStarted(journal, 200);
  await clock.advance(1_000);
  expect(output.lines).toEqual(["…           started 200"]);

  output.text = "";
  addStarted(journal, 199);
  await clock.advance(1_000);
  addStarted(journal, 1);
  expect(output.lines).toEqual(["…           started 199", startedLine]);
});

it("gives every entry a line when asked to", async () => {
  const { clock, output, journal } = setUp({ verbose: true });
  addStarted(journal, 1_000);
  await clock.advance(1_000);
  expect(output.lines).toHaveLength(1_000);
  expect(clock.pendingTimers).toBe(0);
});

it("tells the rest when it is flushed, and leaves no timer", () => {
  const { clock, output, journal } = setUp();
  addStarted(journal, 500);
  journal.flush();
  expect(output.lines.at(-1)).toBe("…           started 100");
  expect(clock.pendingTimers).toBe(0);
});
