import { startLocalSqs } from "@millrace/local-sqs";
import type { LocalSqs } from "@millrace/local-sqs";
import { Pool } from "pg";
import { expectOneLine, useTemporaryDirectory } from "programs/testing";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { useTestDatabase } from "../../../test/database.ts";
import { requestsOf, run, start, summaryOf } from "./programs.ts";

const nothingLeft = useTemporaryDirectory();
const databaseUrl = useTestDatabase();
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secretOfSomeLength" };

let sqs: LocalSqs;
let pool: Pool;
beforeAll(async () => {
  sqs = await startLocalSqs({ port: 0, credentials, queues: ["together", "killed"] });
  pool = new Pool({ connectionString: databaseUrl() });
});
afterAll(async () => {
  await pool.end();
  await sqs.stop();
});

function environment(queue: string): Record<string, string> {
  return {
    QUEUE_URL: queue,
    DATABASE_URL: databaseUrl(),
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
}

/** Resolves when so many different messages are rows. */
async function untilRows(count: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const { rows } = await pool.query<{ n: number }>(
        "SELECT count(DISTINCT message)::int AS n FROM messages",
      );
      expect(rows[0]?.n).toBeGreaterThanOrEqual(count);
    },
    { timeout: 40_000, interval: 20 },
  );
}

it("carries messages from one process to the other, and counts what SQS counts", async () => {
  const env = environment(sqs.queueUrl("together"));
  const consumer = start("consumer", ["--workers", "4"], env);
  // It creates the table before it polls.
  await consumer.printed(/4 workers store what comes from/);
  const sent = await run("sender", ["--count", "60", "--rate", "300"], env);
  expect(sent).toMatchObject({ exitCode: 0, stderr: "" });
  expect(summaryOf(sent)).toMatchObject({ sent: "60" });

  await untilRows(60);
  await consumer.printed(/idle: the queue is empty, long-polling for 20 s at a time/);
  consumer.kill("SIGTERM");
  const consumed = await consumer.ended;
  expect(consumed).toMatchObject({ exitCode: 0, stderr: "" });
  expect(summaryOf(consumed)).toMatchObject({ processed: "60", "rows in the table": "60" });

  const counted = { ...requestsOf(summaryOf(sent)), ...requestsOf(summaryOf(consumed)) };
  expect(counted).toEqual(sqs.requests());
});

it("loses nothing when the consumer is killed in the middle", async () => {
  await pool.query("TRUNCATE messages");
  const env = environment(sqs.queueUrl("killed"));
  expect(await run("sender", ["--count", "1000", "--rate", "2000"], env)).toMatchObject({
    exitCode: 0,
  });

  const first = start("consumer", ["--visibility", "2", "--work", "10"], env);
  await untilRows(200);
  first.kill("SIGKILL");
  const { exitCode } = await first.ended;
  expect(exitCode).toBeUndefined();
  const { rows } = await pool.query<{ n: number }>("SELECT count(*)::int AS n FROM messages");
  expect(rows[0]?.n).toBeLessThan(1_000);

  const second = start("consumer", ["--visibility", "2"], env);
  await untilRows(1_000);
  second.kill("SIGTERM");
  expect(await second.ended).toMatchObject({ exitCode: 0, stderr: "" });
});

it("says that the queue is not there", async () => {
  const env = environment(`${sqs.endpoint}/000000000000/nowhere`);
  for (const name of ["sender", "consumer"] as const) {
    expectOneLine(await run(name, [], env), 1, "there is no such queue");
  }
});

it("says that the endpoint is none, which is bad input", async () => {
  const env = { ...environment(sqs.queueUrl("together")), AWS_ENDPOINT_URL_SQS: "garbage" };
  for (const name of ["sender", "consumer"] as const) {
    expectOneLine(await run(name, [], env), 2, "the configured endpoint is no http or https URL");
  }
});

it("says that access is denied", async () => {
  const env = { ...environment(sqs.queueUrl("together")), AWS_SECRET_ACCESS_KEY: "aWrongOne" };
  for (const name of ["sender", "consumer"] as const) {
    const ended = await run(name, [], env);
    expectOneLine(ended, 1, "access to SQS is denied");
    expect(ended.stderr).not.toContain("aWrongOne");
  }
});

it("finds the servers of npm run local by what that prints", async () => {
  const local = start("local", ["--sqs-port", "0", "--postgres-port", "0"]);
  await local.printed(/Ctrl-C here/);
  const env = Object.fromEntries(
    [...local.stdout.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [
      name,
      value,
    ]),
  );
  expect(Object.keys(env)).toContain("AWS_SECRET_ACCESS_KEY");

  expect(await run("sender", ["--count", "3", "--rate", "100"], env)).toMatchObject({
    exitCode: 0,
  });
  const consumer = start("consumer", [], env);
  await consumer.printed(/finished {2}hello world 3/);
  consumer.kill("SIGINT");
  expect(summaryOf(await consumer.ended)).toMatchObject({ processed: "3" });

  local.kill("SIGINT");
  expect(await local.ended).toMatchObject({ exitCode: 0, stderr: "" });
  await nothingLeft();
});
