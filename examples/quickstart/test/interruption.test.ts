import { VirtualClock } from "millrace/testing";
import { afterEach, expect, it } from "vitest";
import { InterruptedError, Interruption } from "../src/interruption.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const listeners = (): number[] => signals.map((signal) => process.listenerCount(signal));
const before = listeners();
const outputListeners = process.stdout.listenerCount("error");

afterEach(() => {
  expect(listeners()).toEqual(before);
  expect(process.stdout.listenerCount("error")).toBe(outputListeners);
});

it("asks to end at the first signal, and leaves at the second", async () => {
  const clock = new VirtualClock();
  const left: number[] = [];
  using interruption = new Interruption({ clock, onLeave: (exitCode) => left.push(exitCode) });
  expect(interruption.signal.aborted).toBe(false);

  process.emit("SIGINT", "SIGINT");
  const { reason } = interruption.signal as { reason: unknown };
  expect(reason).toBeInstanceOf(InterruptedError);
  expect(reason).toMatchObject({ message: "interrupted by SIGINT", exitCode: 130 });

  // What npm passes on of the same Ctrl-C.
  await clock.advance(5);
  process.emit("SIGINT", "SIGINT");
  await clock.advance(495);
  process.emit("SIGINT", "SIGINT");
  expect(left).toEqual([]);

  await clock.advance(1);
  process.emit("SIGTERM", "SIGTERM");
  expect(left).toEqual([143]);
});
