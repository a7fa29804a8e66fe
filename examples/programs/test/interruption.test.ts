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

function interruptible(underNpm: boolean) {
  const clock = new VirtualClock();
  const left: number[] = [];
  const onLeave = (exitCode: number): void => void left.push(exitCode);
  return { clock, left, interruption: new Interruption({ clock, underNpm, onLeave }) };
}

it("asks to end at the first signal, and leaves at the second, however soon that comes", () => {
  const { left, interruption } = interruptible(false);
  using _ = interruption;
  expect(interruption.signal.aborted).toBe(false);

  process.emit("SIGINT", "SIGINT");
  const { reason } = interruption.signal as { reason: unknown };
  expect(reason).toBeInstanceOf(InterruptedError);
  expect(reason).toMatchObject({ message: "interrupted by SIGINT", exitCode: 130, watched: true });
  expect(left).toEqual([]);

  process.emit("SIGTERM", "SIGTERM");
  expect(left).toEqual([143]);
});

it("takes what npm passes on of a Ctrl-C for the same one", async () => {
  const { clock, left, interruption } = interruptible(true);
  using _ = interruption;
  process.emit("SIGINT", "SIGINT");
  await clock.advance(5);
  process.emit("SIGINT", "SIGINT");
  await clock.advance(145);
  process.emit("SIGINT", "SIGINT");
  expect(left).toEqual([]);

  await clock.advance(1);
  process.emit("SIGINT", "SIGINT");
  expect(left).toEqual([130]);
});

it("takes the hang-ups of shell and system for one, at which nobody looks on any more", async () => {
  const { clock, left, interruption } = interruptible(false);
  using _ = interruption;
  process.emit("SIGHUP", "SIGHUP");
  await clock.advance(5);
  process.emit("SIGHUP", "SIGHUP");
  expect(left).toEqual([]);
  expect(interruption.signal.reason).toMatchObject({ exitCode: 129, watched: false });
});
