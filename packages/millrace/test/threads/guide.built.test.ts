import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startLocalSqs } from "@millrace/local-sqs";
import { Producer, HttpSqs } from "millrace";
import { expect, it, onTestFinished } from "vitest";

/** The guide is run as it stands, by a process of its own that loads what a user would load. */
const root = fileURLToPath(new URL("../../../..", import.meta.url));
const guide = readFileSync(join(root, "docs/guides/threads.md"), "utf8");
const [work = "", main = ""] = [...guide.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code);

it("first use: a message is hashed in a thread, and SIGTERM ends the consumer and its threads", async () => {
  // In a place from where the names of packages are found.
  const folder = await mkdtemp(join(root, "node_modules", ".guide-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "work.js"), work);
  await writeFile(join(folder, "main.js"), main);
  await writeFile(join(folder, "package.json"), '{"type":"module"}');

  const local = await startLocalSqs({ port: 0, queues: ["jobs"] });
  onTestFinished(() => local.stop());
  const queue = local.queueUrl("jobs");
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const sqs = new HttpSqs({ region: "us-east-1", endpoint: local.endpoint, credentials });
  const producer = new Producer({ queue, sqs });
  await producer.send("hello");
  await producer.close();
  await sqs.close();

  const child = spawn(process.execPath, ["main.js"], {
    cwd: folder,
    env: {
      PATH: process.env["PATH"],
      QUEUE_URL: queue,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = once(child, "close");
  const printed = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (printed.err += text));
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await exit;
  });
  while (!/hashed \{ id: '[\w-]+' \}/.test(printed.out)) {
    await Promise.race([once(child.stdout, "data"), exit]);
    if (child.exitCode !== null) break;
  }
  expect(printed.out).toContain("hashed { id: ");
  child.kill("SIGTERM");
  expect(await exit).toEqual([0, null]);
  expect(printed.err).toBe("");
});
