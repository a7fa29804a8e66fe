import { VirtualClock } from "millrace/testing";
import { ChildFailedError, ChildProgram } from "programs";
import { describe, expect, it, onTestFinished } from "vitest";
import { Crew } from "../src/crew.ts";

const file = new URL("fixtures/member.js", import.meta.url);

const never = new AbortController().signal;

/** A crew whose members are what `kinds` say, one after the other, and live when it says no more. */
function crewOf(size: number, ...kinds: ("lives" | "stillborn" | "never ready")[]) {
  const clock = new VirtualClock();
  const launched: ChildProgram[] = [];
  const told: string[] = [];
  const crew = new Crew({
    size,
    clock,
    launch: (place) => {
      const args = [kinds[launched.length] ?? "lives", `${place}`];
      const member = new ChildProgram({ file, args, quiet: true });
      launched.push(member);
      return member;
    },
    onDeath: (place, how) => told.push(`${place}: ${how}`),
    onGivenUp: ({ message }) => told.push(`given up: ${message}`),
  });
  onTestFinished(() => crew[Symbol.asyncDispose]());
  /** Once so much was told. */
  const heard = async (count: number): Promise<void> => {
    await expect.poll(() => told.length, { timeout: 25_000, interval: 5 }).toBe(count);
  };
  return { clock, crew, launched, told, heard };
}

/** As when somebody else kills it. */
function strike(member: ChildProgram | undefined): void {
  if (member !== undefined) process.kill(member.pid, "SIGKILL");
}

describe("a crew", () => {
  it("is ready when all are, and says what they said", async () => {
    const { crew } = crewOf(2);
    expect(await crew.ready(never)).toEqual([
      { type: "ready", address: "1" },
      { type: "ready", address: "2" },
    ]);
  });

  it("puts another in the place of one that died, after a moment", async () => {
    const { clock, crew, launched, told, heard } = crewOf(2);
    await crew.ready(never);
    strike(launched[1]);
    await heard(1);
    expect(told).toEqual(["2: ended by SIGKILL"]);
    await clock.advance(999);
    expect(launched).toHaveLength(2);
    await clock.advance(1);
    expect(await launched[2]?.ready).toMatchObject({ address: "2" });
  });

  it("puts one in the place of one that it kills, and not two", async () => {
    const { clock, crew, launched, heard } = crewOf(1);
    await crew.ready(never);
    strike(launched[0]);
    await heard(1);
    await crew.kill(1);
    await clock.advance(10_000);
    expect(launched).toHaveLength(2);
    await crew.kill(1);
    await clock.advance(10_000);
    expect(launched).toHaveLength(3);
  });

  it("gives up at once when the first do not even start", async () => {
    const { crew, launched, told, heard } = crewOf(1, "stillborn");
    await expect(crew.ready(never)).rejects.toThrow(new ChildFailedError("not today"));
    await heard(1);
    expect({ told, launched: launched.length }).toEqual({
      told: ["given up: not today"],
      launched: 1,
    });
  });

  it("gives the start up when it is told to, and leaves none behind", async () => {
    const { crew, launched, told } = crewOf(2, "lives", "never ready");
    const interrupted = new AbortController();
    const ready = crew.ready(interrupted.signal);
    await launched[0]?.ready;
    interrupted.abort(new Error("Ctrl-C"));
    await expect(ready).rejects.toThrow("Ctrl-C");
    await Promise.all(launched.map(({ exited }) => exited));
    expect({ told, launched: launched.length }).toEqual({ told: [], launched: 2 });
  });

  it("gives up when five in a row do not start", async () => {
    const { clock, crew, launched, told, heard } = crewOf(
      1,
      "lives",
      "stillborn",
      "stillborn",
      "lives",
      ...Array<"stillborn">(5).fill("stillborn"),
    );
    await crew.ready(never);
    for (let deaths = 1; deaths <= 8; deaths += 1) {
      const member = launched.at(-1);
      if (deaths === 1 || deaths === 4) await member?.ready.then(() => strike(member));
      await heard(deaths);
      await clock.advance(1_000);
    }
    await heard(9);
    expect(told.at(-1)).toBe("given up: not today");
    expect(clock.pendingTimers).toBe(0);
    expect(launched).toHaveLength(9);
  });

  it("starts none after its stop", async () => {
    const { clock, crew, launched, told } = crewOf(2);
    await crew.ready(never);
    await crew.stop(10_000);
    await crew.kill(1);
    await clock.advance(10_000);
    expect({ told, launched: launched.length }).toEqual({ told: [], launched: 2 });
  });
});
