import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { HttpSqs } from "millrace";
import { expect, it } from "vitest";
import { rejection } from "./bench.ts";
import { FaultServer } from "./fault-server.ts";

const certificate = fileURLToPath(new URL("fixtures/localhost-cert.pem", import.meta.url));
const key = fileURLToPath(new URL("fixtures/localhost-key.pem", import.meta.url));
const library = new URL("../../dist/index.js", import.meta.url).href;

/** Runs a module to its end in a process of its own, which knows the test's certificate. */
async function run(source: string): Promise<{ code: unknown; output: string }> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  try {
    const [code] = (await once(child, "close")) as [unknown];
    return { code, output: Buffer.concat(chunks).toString() };
  } finally {
    child.kill();
  }
}

function caller(endpoint: string, call: string): string {
  return `
    import { HttpSqs } from ${JSON.stringify(library)};
    const sqs = new HttpSqs({
      region: "us-east-1",
      endpoint: ${JSON.stringify(endpoint)},
      credentials: { accessKeyId: "A", secretAccessKey: "s" },
      maxAttempts: 1,
    });
    ${call}
  `;
}

it("lets a process end that has an idle client and nothing else to do", async () => {
  await using server = await FaultServer.start();
  const call = `console.log(JSON.stringify(await sqs.call("ListQueues", {})));`;
  expect(await run(caller(server.origin, call))).toEqual({ code: 0, output: "{}\n" });
});

it("lets a process end after a long poll was aborted", async () => {
  await using server = await FaultServer.start();
  const controller = "const controller = new AbortController();";
  server.always((_response, { operation }) => {
    if (operation !== "ReceiveMessage") throw new Error("no poll");
  });
  const call = `${controller}
    const QueueUrl = "http://queue.test/000000000000/orders";
    const poll = sqs.call("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 20 }, controller);
    while (sqs.requestCounts().ReceiveMessage === undefined) await new Promise(setImmediate);
    controller.abort("enough");
    console.log(await poll.catch((reason) => reason));`;
  expect(await run(caller(server.origin, call))).toEqual({ code: 0, output: "enough\n" });
});

it("speaks TLS, and only with a server whose certificate it can trust", async () => {
  const sockets: unknown[] = [];
  const server = createServer(
    { cert: readFileSync(certificate), key: readFileSync(key) },
    (request, response) => {
      request.resume().on("end", () => response.end('{"QueueUrls":["over TLS"]}'));
    },
  );
  server.on("secureConnection", (socket) => sockets.push(socket));
  server.listen(0, "localhost");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const call = `
    let answer;
    for (let round = 0; round < 10; round++) answer = await sqs.call("ListQueues", {});
    console.log(answer.QueueUrls[0]);
    await sqs.close();`;
  expect(await run(caller(`https://localhost:${port}`, call))).toEqual({
    code: 0,
    output: "over TLS\n",
  });
  // A call made in the very turn in which another ended takes a second connection; both are kept.
  expect(sockets.length).toBeLessThanOrEqual(2);

  await using distrustful = new HttpSqs({
    region: "us-east-1",
    endpoint: `https://localhost:${port}`,
    credentials: { accessKeyId: "A", secretAccessKey: "s" },
    maxAttempts: 1,
  });
  expect(await rejection(distrustful.call("ListQueues", {}))).toMatchObject({
    code: "SQS_CONNECTION_FAILED",
    cause: { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
  });
  server.close();
  server.closeAllConnections();
  await once(server, "close");
});
