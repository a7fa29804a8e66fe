import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HttpSqs, Producer } from "millrace";
import { expect, it, onTestFinished } from "vitest";
import { root, runNode, snippetsOf, useLocalSqs } from "../guide.ts";

const [work = "", main = ""] = snippetsOf("docs/guides/threads.md");

it("first use: a message is hashed in a thread, and SIGTERM ends the consumer and its threads", async () => {
  // In a place from where the names of packages are found.
  const folder = await mkdtemp(join(root, "node_modules", ".guide-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "work.js"), work);
  await writeFile(join(folder, "main.js"), main);
  await writeFile(join(folder, "package.json"), '{"type":"module"}');

  const { local, env } = await useLocalSqs();
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const sqs = new HttpSqs({ region: "us-east-1", endpoint: local.endpoint, credentials });
  const producer = new Producer({ queue: local.queueUrl("jobs"), sqs });
  await producer.send("hello");
  await producer.close();
  await sqs.close();

  const { child, exit, printed, printing } = runNode(["main.js"], env, folder);
  await printing(/hashed \{ id: '[\w-]+' \}/);
  expect(printed.out).toContain("hashed { id: ");
  child.kill("SIGTERM");
  expect(await exit).toEqual([0, null]);
  expect(printed.err).toBe("");
});
