/**
 * The outbox: messages that are sent if and only if their transaction commits.
 */
import { InvalidMessageError, OptionError } from "millrace";
import { outbox, outboxSql, StatementError } from "millrace/postgres";
import { describe, expect, it } from "vitest";
import { useBench } from "./bench.ts";
import { bodies, events, OutboxBench } from "./outbox-bench.ts";

const bench = useBench();

it("sends what was committed, and nothing of what was rolled back", async () => {
  const b = await OutboxBench.open(bench);
  const queue = await b.queue();
  const relay = b.relay();
  await relay.start();
  const client = await b.pool.connect();
  await client.query("BEGIN");
  await outbox(client, queue, "rolled back");
  await client.query("ROLLBACK");
  await client.query("BEGIN");
  const { idempotencyKey } = await outbox(client, queue, { seat: "4A" });
  expect(await b.left()).toEqual([]);
  const sent = events(relay, "sent");
  await client.query("COMMIT");
  client.release();
  const [event] = await sent;
  const arrived = await b.drain(queue);
  expect(bodies(arrived)).toEqual(['{"seat":"4A"}']);
  expect(event).toMatchObject({ queue, idempotencyKey, messageId: arrived[0]?.MessageId });
  expect(await b.left()).toEqual([]);
  expect(relay.stats()).toMatchObject({ sent: 1, failed: 0, rounds: 1 });
});

it("is told of a message: it need not look", async () => {
  const b = await OutboxBench.open(bench);
  const queue = await b.queue();
  const relay = b.relay({ pollIntervalMs: 3_600_000 });
  await relay.start();
  for (const body of ["a", "b", "c"]) {
    const sent = events(relay, "sent");
    await b.store(queue, [body]);
    await sent;
  }
  expect(bodies(await b.drain(queue))).toEqual(["a", "b", "c"]);
});

it("looks all the same: a message that nobody told of is sent", async () => {
  const b = await OutboxBench.open(bench);
  const queue = await b.queue();
  const relay = b.relay({ pollIntervalMs: 10 });
  await relay.start();
  const sent = events(relay, "sent");
  await b.pool.query(
    `INSERT INTO millrace_outbox (queue, body, options) VALUES ($1, 'a', '{"idempotencyKey":"k"}')`,
    [queue],
  );
  expect(await sent).toMatchObject([{ idempotencyKey: "k" }]);
});

it("sends what was there before it started", async () => {
  const b = await OutboxBench.open(bench);
  const queue = await b.queue();
  await b.store(queue, ["a", "b"]);
  await b.relay({ pollIntervalMs: 3_600_000 }).start();
  expect(bodies(await b.drain(queue)).toSorted()).toEqual(["a", "b"]);
});

it("carries all that a send can say", async () => {
  const b = await OutboxBench.open(bench);
  const queue = await b.queue();
  const fifo = await b.queue("jobs.fifo");
  const relay = b.relay();
  const bytes = Uint8Array.of(0, 255, 7);
  const attributes = { s: "é 🎫", n: -1.5e-7, big: 12345678901234567890n, bytes, __proto__x: "p" };
  await b.store(queue, ["a"], { attributes, groupId: "tenant", idempotencyKey: "k1" });
  await b.store(fifo, ["b"], { groupId: "g", deduplicationId: "d", idempotencyKey: "k2" });
  await b.store(queue, ["late"], { delaySeconds: 900 });
  const sent = events(relay, "sent", 3);
  await relay.start();
  await sent;
  expect(await b.drain(queue)).toMatchObject([
    {
      Body: "a",
      Attributes: { MessageGroupId: "tenant" },
      MessageAttributes: {
        s: { DataType: "String", StringValue: "é 🎫" },
        n: { DataType: "Number", StringValue: "-1.5e-7" },
        big: { DataType: "Number", StringValue: "12345678901234567890" },
        bytes: { DataType: "Binary", BinaryValue: bytes },
        "millrace.id": { StringValue: "k1" },
      },
    },
  ]);
  expect(await b.drain(fifo)).toMatchObject([
    {
      Body: "b",
      Attributes: { MessageGroupId: "g", MessageDeduplicationId: "d" },
      MessageAttributes: { "millrace.id": { StringValue: "k2" } },
    },
  ]);
});

it("uses a table of another name, and its relay no other", async () => {
  const b = await OutboxBench.open(bench);
  const queue = await b.queue();
  await b.pool.query(outboxSql("public.Letters"));
  await b.store(queue, ["here"]);
  await b.store(queue, ["there"], { table: "public.Letters" });
  await b.relay({ table: "Letters" }).start();
  expect(bodies(await b.drain(queue))).toEqual(["there"]);
  expect(await b.left()).toEqual(["here"]);
});

describe("what SQS would refuse fails the transaction's call, before the database is asked:", () => {
  const never = { query: () => Promise.reject(new Error("the database was asked")) };
  it.each<[string, unknown, object]>([
    ["an empty body", "", {}],
    ["no JSON", 1n, {}],
    ["a delay of 901", "a", { delaySeconds: 901 }],
    [
      "ten attributes beside the key",
      "a",
      { attributes: Object.fromEntries(Array.from("abcdefghij", (name) => [name, 1])) },
    ],
    ["a body of 1 MiB, which leaves no room for the key", "x".repeat(1_048_576), {}],
  ])("%s", async (_, body, options) => {
    await expect(outbox(never, "jobs", body, options)).rejects.toBeInstanceOf(InvalidMessageError);
  });

  it("no group on a FIFO queue", async () => {
    await expect(outbox(never, "jobs.fifo", "a")).rejects.toMatchObject({ field: "groupId" });
  });

  it.each<[string, string, object]>([
    ["queue", "no queue!", {}],
    ["table", "jobs", { table: "a b" }],
    ["signal", "jobs", { signal: AbortSignal.abort() }],
  ])("an impossible %s", async (option, queue, options) => {
    const error = await outbox(never, queue, "a", options).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OptionError);
    expect(error).toMatchObject({ option });
  });

  it("no client", async () => {
    await expect(outbox({} as never, "jobs", "a")).rejects.toBeInstanceOf(OptionError);
  });
});

it("says how the table comes about when it is missing", async () => {
  const error: unknown = await outbox(bench.pool(), "jobs", "a", { table: "nowhere" }).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StatementError);
  expect(error).toMatchObject({ message: expect.stringContaining("migrate(") });
});
