import { VirtualClock } from "millrace/testing";
import { describe, expect, it } from "vitest";
import type { Ancestor } from "../src/ancestors.ts";
import { LauncherWatch } from "../src/launcher.ts";

const shell = { pid: 141, args: "sh -c -- node dist/main.js " };
const inner = {
  pid: 140,
  args: "/usr/bin/node /usr/lib/node_modules/npm/bin/npm-cli.js run start ",
};
const outer = { pid: 30, args: "npm start " };
const terminal = { pid: 20, args: "-bash " };
const init = { pid: 1, args: "/sbin/init " };

/** A watch over what stands above as given, which may change. */
function watch(...above: Ancestor[]) {
  const clock = new VirtualClock();
  const seen = { above, gone: 0 };
  const launcher = new LauncherWatch({
    clock,
    look: () => seen.above,
    onGone: () => void (seen.gone += 1),
  });
  launcher.begin();
  return { clock, seen, launcher };
}

describe("the watch says, once, that npm has gone", () => {
  const chain = [shell, inner, outer, terminal, init];
  it.each<[string, Ancestor[], Ancestor[]]>([
    ["known by its script, below a shell", chain, [shell, init]],
    ["known by its title, above another", chain, [shell, inner, init]],
    ["where no command lines are to be seen", [{ pid: 140, args: undefined }], [init]],
  ])("%s", async (_, before, after) => {
    const { clock, seen } = watch(...before);
    await clock.advance(10_000);
    expect(seen.gone).toBe(0);
    seen.above = after;
    await clock.advance(1_000);
    expect(seen.gone).toBe(1);
    await clock.advance(10_000);
    expect(seen.gone).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });
});

it("what else goes is no matter", async () => {
  const { clock, seen, launcher } = watch(shell, outer, terminal, init);
  seen.above = [shell, outer, init];
  await clock.advance(10_000);
  expect(seen.gone).toBe(0);
  launcher[Symbol.dispose]();
  expect(clock.pendingTimers).toBe(0);
});

it("where no npm is above, nothing is watched", () => {
  const { clock } = watch({ pid: 21, args: "node dist/main.js " }, terminal, init);
  expect(clock.pendingTimers).toBe(0);
});
