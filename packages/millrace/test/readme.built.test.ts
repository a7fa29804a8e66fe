import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startLocalSqs } from "@millrace/local-sqs";
import { expect, it, onTestFinished } from "vitest";

/** The README is run as it stands, by a process of its own that loads what a user would load. */
const root = fileURLToPath(new URL("../../..", import.meta.url));
const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
const snippets = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code = ""]) => code);

async function run(code: string) {
  const local = await startLocalSqs({ port: 0, queues: ["jobs"] });
  const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: root,
    env: {
      PATH: process.env["PATH"],
      QUEUE_URL: local.queueUrl("jobs"),
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = once(child, "exit");
  const printed = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (printed.err += text));
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await exit;
    await local.stop();
  });
  return { local, child, exit, printed };
}

it("has the snippets that are run here", () => {
  expect(snippets).toHaveLength(2);
});

it("first use: a message is sent, handled, and SIGTERM stops the consumer", async () => {
  const { child, exit, printed } = await run(snippets[0] ?? "");
  while (!printed.out.includes("hello, world\n")) {
    await Promise.race([once(child.stdout, "data"), exit]);
    if (child.exitCode !== null) break;
  }
  expect(printed).toEqual({ out: "hello, world\n", err: "" });
  child.kill("SIGTERM");
  expect(await exit).toEqual([0, null]);
});

it("what a handler can say: starts and stops", async () => {
  const { exit, printed } = await run(snippets[1] ?? "");
  expect(await exit).toEqual([0, null]);
  expect(printed.err).toBe("");
});
