/** The guide's programs are run as they stand, each by a process of its own that loads what a user would load. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startLocalSqs } from "@millrace/local-sqs";
import { expect, it, onTestFinished } from "vitest";
import { useTestDatabase } from "../../../../test/database.ts";

const url = useTestDatabase();
const root = fileURLToPath(new URL("../../../..", import.meta.url));
const guide = readFileSync(
  new URL("../../../../docs/guides/exactly-once.md", import.meta.url),
  "utf8",
);
const snippets = [...guide.matchAll(/```js\n(.*?)```/gs)].map(([, code = ""]) => code);

/** What a program prints, which must end by itself and in order. */
async function run(code: string): Promise<string> {
  const local = await startLocalSqs({ port: 0, queues: ["jobs"] });
  const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: root,
    env: {
      PATH: process.env["PATH"],
      QUEUE_URL: local.queueUrl("jobs"),
      DATABASE_URL: url(),
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
  const [status] = await exit;
  expect({ status, err: printed.err }).toEqual({ status: 0, err: "" });
  return printed.out;
}

it("has the programs that are run here", () => {
  expect(snippets).toHaveLength(5);
});

it.each([
  [0, "the inbox: two sends of one key are one effect", "order 4711 was done before\n1 order\n"],
  [1, "the lock: thirty buyers, one seat", "seat 4A was sold 1 time\n"],
  [2, "the outbox: a message goes with its row", "true true\n"],
  [3, "a query builder", "function\n"],
  [4, "batches", "50 readings\n"],
])("program %i, %s", async (index, _, out) => {
  expect(await run(snippets[index] ?? "")).toBe(out);
});
