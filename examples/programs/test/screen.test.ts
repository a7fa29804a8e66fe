import { VirtualClock } from "millrace/testing";
import { describe, expect, it } from "vitest";
import { formatBody, Screen } from "../src/screen.ts";
import { Output } from "../src/testing/output.ts";

it("writes time, who and what", () => {
  const output = new Output();
  const clock = new VirtualClock(new Date(2026, 0, 2, 3, 4, 5, 6).getTime());
  new Screen(output, clock).line("worker 1", "started", "good");
  expect(output.text).toBe("03:04:05.006  worker 1    started\n");
});

it.each([
  { isTTY: true, environment: {}, colored: true },
  { isTTY: true, environment: { NO_COLOR: "1" }, colored: false },
  { isTTY: true, environment: { TERM: "dumb" }, colored: false },
  { isTTY: false, environment: { CI: "true", FORCE_COLOR: "1" }, colored: false },
])("colours: terminal $isTTY, $environment: $colored", ({ isTTY, environment, colored }) => {
  const output = new Output({ isTTY });
  new Screen(output, new VirtualClock(), environment).line("worker 1", "done", "good");
  expect(output.text.includes("\u001B[32mdone")).toBe(colored);
});

describe("the line below the others", () => {
  const clear = "\r\u001B[K";

  it("stays below them, within the width, and goes", () => {
    const output = new Output({ isTTY: true });
    const screen = new Screen(output, new VirtualClock());
    screen.status("x".repeat(100));
    const status = "x".repeat(59);
    expect(output.text).toBe(clear + status);
    output.text = "";
    screen.text("a line");
    expect(output.text).toBe(`${clear}a line\n${status}`);
    output.text = "";
    screen.close();
    screen.text("the last");
    expect(output.text).toBe(`${clear}the last\n`);
  });

  it("is not there without a terminal", () => {
    const output = new Output();
    const screen = new Screen(output, new VirtualClock());
    screen.status("50 %");
    screen.close();
    expect(output.text).toBe("");
  });
});

it("shows any body on one line, and nothing that moves the cursor", () => {
  expect(formatBody("a\r\n\u001B[2Jb\u202Ec")).toBe("a [2Jb c");
  expect(formatBody("x".repeat(1_000))).toBe(`${"x".repeat(60)}…`);
});
