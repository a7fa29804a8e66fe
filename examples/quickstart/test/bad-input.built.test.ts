import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectOneLine, useTemporaryDirectory } from "programs/testing";
import { run } from "./programs.ts";
import type { ProgramName } from "./programs.ts";

const nothingLeft = useTemporaryDirectory();

const queue = "http://127.0.0.1:1/000000000000/queue";
const database = "postgres://someone:secret@127.0.0.1:1/somewhere";

describe("what makes no sense gets one line and exit code 2", () => {
  const cases: [name: ProgramName, args: string, text: string | RegExp, env?: object][] = [
    ["main", "--cuont 3", "unknown option '--cuont' (Did you mean --count?)"],
    ["main", "--rate abc", "'abc' is invalid. It must be a number above 0"],
    ["main", "--rate 0", "'0' is invalid"],
    ["main", "--rate", "argument missing"],
    ["main", "--count -1", "'-1' is invalid. It must be a whole number"],
    ["main", "--count 1.5", "'1.5' is invalid"],
    ["main", "--count 1e3", "'1e3' is invalid"],
    ["main", "--workers 0", "'0' is invalid"],
    ["main", "--fail 2", "'2' is invalid. It must be a number from 0 to 1"],
    ["main", "extra", "too many arguments"],
    ["main", "", /^error: DATABASE_URL must be postgres:[^\n]+$/m, { DATABASE_URL: "secret" }],
    ["local", "--sqs-port 65536", "'65536' is invalid"],
    ["sender", "--workers 3", "unknown option '--workers'"],
    ["sender", "", /QUEUE_URL .* must be set/],
    ["sender", "", 'QUEUE_URL: queue must be .* received "a b"', { QUEUE_URL: "a b" }],
    [
      "sender",
      "",
      "the configured endpoint is no http or https URL",
      { QUEUE_URL: queue, AWS_REGION: "eu-west-1", AWS_ENDPOINT_URL_SQS: "garbage" },
    ],
    ["sender", "", "no AWS region is known: set AWS_REGION", { QUEUE_URL: queue }],
    ["consumer", "", /QUEUE_URL .* and DATABASE_URL .* must be set/],
    ["consumer", "", /error: DATABASE_URL .* must be set/, { QUEUE_URL: queue }],
    [
      "consumer",
      "",
      'QUEUE_URL: queue must be .* received "a b"',
      { QUEUE_URL: "a b", DATABASE_URL: database },
    ],
  ];
  it.concurrent.each(cases)("%s %s: %s", async (name, args, text, env = {}) => {
    const words = args === "" ? [] : args.split(" ");
    const pattern = typeof text === "string" && text.includes(".*") ? new RegExp(text) : text;
    expectOneLine(await run(name, words, { ...env }), 2, pattern);
  });
});

describe("what cannot be reached gets one line and exit code 1", () => {
  /** Holds a port. */
  const other: Server = createServer();
  let port = "";
  beforeAll(async () => {
    await new Promise<void>((resolve) => void other.listen(0, "127.0.0.1", resolve));
    port = `${(other.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => void other.close(resolve)));

  it.concurrent("the port of SQS is taken", async () => {
    expectOneLine(
      await run("local", ["--sqs-port", port]),
      1,
      `port ${port} of 127.0.0.1 is taken; choose another, or 0 for any free one`,
    );
  });

  it.concurrent("the port of Postgres is taken", async () => {
    const args = ["--sqs-port", "0", "--postgres-port", port];
    expectOneLine(
      await run("local", args),
      1,
      `port ${port} of 127.0.0.1 is taken; choose another, or 0 for any free one`,
    );
    await nothingLeft();
  });

  it.concurrent("the database does not answer, and its password is not shown", async () => {
    const ended = await run("consumer", [], { QUEUE_URL: queue, DATABASE_URL: database });
    expectOneLine(
      ended,
      1,
      "cannot use the database at 127.0.0.1:1/somewhere: connect ECONNREFUSED",
    );
    expect(ended.stderr).not.toContain("secret");
  });

  it.concurrent("there are no credentials", async () => {
    const ended = await run("sender", [], { QUEUE_URL: queue, AWS_REGION: "eu-west-1" });
    expectOneLine(ended, 1, "access to SQS is denied: SendMessageBatch: no AWS credentials");
  });
});

describe("help", () => {
  it.concurrent.each<[name: ProgramName, ...texts: string[]]>([
    ["main", "Usage: npm start -- [options]", "--count <n>", "DATABASE_URL  a Postgres"],
    ["local", "Usage: npm run local -- [options]", "--sqs-port <port>", "(default: 9324)"],
    ["sender", "Usage: npm run sender -- [options]", "--rate <n>", "QUEUE_URL  ", "AWS_REGION  "],
    ["consumer", "Usage: npm run consumer -- [options]", "QUEUE_URL  ", "DATABASE_URL  "],
  ])("%s", async (name, ...texts) => {
    const { exitCode, stdout, stderr } = await run(name, ["--help"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const text of texts) expect(stdout).toContain(text);
  });
});
