import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { guardScript } from "../src/guard-script.ts";
import { useTemporaryFiles } from "./temporary-files.ts";

const files = useTemporaryFiles();

/** The guard of a Postgres that ends in the very moment in which it starts; resolves with the guard's status. */
async function guardOfOneThatEnds(dir: string): Promise<unknown> {
  const guard = spawn(
    "/bin/sh",
    ["-c", guardScript, "guard", dir, "kept", "/bin/false", "/bin/true", ""],
    { stdio: ["pipe", "ignore", "ignore"] },
  );
  const exit = once(guard, "exit");
  guard.stdin.on("error", () => {});
  // Not ended: the guard has to go because Postgres is gone, not because we are.
  guard.stdin.write("password\n");
  const [status] = await exit;
  guard.stdin.destroy();
  return status;
}

it("ends with a Postgres that ends at once, before the guard's own listener is up", async () => {
  const dir = await files.openDirectory();
  await mkdir(join(dir, "cluster"));
  // Whether the listener is hit so early is a matter of luck, and of how busy the machine is: many, side by side.
  const rounds = Array.from({ length: 16 }, async () => {
    for (let round = 0; round < 25; round += 1) {
      expect(await guardOfOneThatEnds(dir)).toBe(0);
    }
  });
  await Promise.all(rounds);
});
