/**
 * What one queue or one group may cost the others: messages that cannot be sent, queues that do not answer,
 * groups without end.
 */
import { SqsServiceError } from "millrace";
import { describe, expect, it } from "vitest";
import { until, useBench } from "./bench.ts";
import { bodies, events, OutboxBench } from "./outbox-bench.ts";

const bench = useBench();
const operation = "SendMessageBatch";

describe("a queue that is not there", () => {
  it("holds up no other, however many messages there are for it", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue();
    await b.pool.query(
      `INSERT INTO millrace_outbox (queue, body, options)
       SELECT 'nowhere', 'bad', '{"idempotencyKey": "k"}' FROM generate_series(1, 2000)`,
    );
    const relay = b.relay({ random: () => 0.999 });
    await relay.start();
    for (const body of ["a", "b", "c"]) {
      const sent = events(relay, "sent");
      await b.store(queue, [body]);
      await sent;
    }
    expect(bodies(await b.drain(queue))).toEqual(["a", "b", "c"]);
    // They are tried a hundred at a time, with pauses: not all, before the others' turn comes.
    expect(relay.stats().failed).toBeLessThan(1_000);
  });
});

describe("a queue that gives no answer", () => {
  it("is given up after sendTimeoutMs, and others go on", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue();
    const silent = await b.queue("silent");
    b.sqs.intercept(operation, (next, { QueueUrl }) =>
      QueueUrl === silent ? new Promise(() => {}) : next(),
    );
    const relay = b.relay({ sendTimeoutMs: 50 });
    const failed = events(relay, "failed");
    const sent = events(relay, "sent");
    await b.store(silent, ["stays"]);
    await relay.start();
    await b.store(queue, ["goes"]);
    expect(await failed).toMatchObject([
      { queue: silent, error: { code: "SQS_TIMEOUT", timeoutMs: 50 } },
    ]);
    await sent;
    expect(await b.left()).toEqual(["stays"]);
    await relay.stop({ deadlineMs: 0 });
  });
});

describe("a group that is long", () => {
  it("does not hide the others", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue("jobs.fifo");
    await b.pool.query(
      `INSERT INTO millrace_outbox (queue, lane, body, options)
       SELECT $1, 'long', n, jsonb_build_object('idempotencyKey', 'k' || n, 'groupId', 'long')
       FROM generate_series(1, 400) AS n`,
      [queue],
    );
    const relay = b.relay({ batchSize: 10 });
    let before = 0;
    const short = new Promise<void>((resolve) => {
      relay.on("sent", ({ idempotencyKey }) => {
        if (idempotencyKey === "short") resolve();
        else before += 1;
      });
    });
    await b.store(queue, ["short"], { groupId: "short", idempotencyKey: "short" });
    await relay.start();
    await short;
    expect(before).toBeLessThanOrEqual(10);
    await until(async () => ((await b.left()).length === 0 ? true : undefined));
    const arrived = bodies(await b.drain(queue)).filter((body) => body !== "short");
    expect(arrived).toEqual(Array.from({ length: 400 }, (_, i) => `${i + 1}`));
  });
});

describe("groups whose first message is to be sent later", () => {
  /** Stores `lanes` groups of `length` messages, the first of which is due in an hour. */
  async function storeWaiting(
    b: OutboxBench,
    queue: string,
    lanes: number,
    length: number,
  ): Promise<void> {
    await b.pool.query(
      `INSERT INTO millrace_outbox (queue, lane, body, options, due_at)
       SELECT $1, 'lane ' || lane, 'no', jsonb_build_object('idempotencyKey', 'k', 'groupId', lane::text),
         now() + CASE WHEN n = 1 THEN 1 ELSE -1 END * interval '1 hour'
       FROM generate_series(1, $2::integer) AS lane, generate_series(1, $3::integer) AS n`,
      [queue, lanes, length],
    );
  }

  it.each([
    ["long", 2, 400],
    ["many", 40, 2],
  ])("do not hide the others when they are %s", async (_, lanes, length) => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue("jobs.fifo");
    await storeWaiting(b, queue, lanes, length);
    await b.store(queue, ["a", "b"], { groupId: "other" });
    const relay = b.relay({ batchSize: 10 });
    const sent = events(relay, "sent", 2);
    await relay.start();
    await sent;
    expect(bodies(await b.drain(queue))).toEqual(["a", "b"]);
    expect(await b.left()).toHaveLength(lanes * length);
  });

  it("leave the others their turns", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue("jobs.fifo");
    await storeWaiting(b, queue, 2, 400);
    const groups = Array.from({ length: 15 }, (_, i) => `group-${i}`);
    for (const groupId of groups) {
      for (const n of [1, 2, 3]) {
        await b.store(queue, [n], { groupId, idempotencyKey: `${groupId}/${n}` });
      }
    }
    const relay = b.relay({ batchSize: 10 });
    const twoRounds = events(relay, "sent", 20);
    await relay.start();
    const seen = (await twoRounds).map(({ idempotencyKey }) => idempotencyKey.split("/")[0]);
    expect(new Set(seen)).toEqual(new Set(groups));
  });
});

it("a message that SQS refuses for its own sake is no reason to leave its queue alone", async () => {
  const b = await OutboxBench.open(bench);
  const queue = await b.queue();
  b.sqs.intercept(operation, (next, { Entries }) => {
    if (!Entries.some(({ MessageBody }) => MessageBody === "bad")) return next();
    const fields = { operation, errorName: "InvalidParameterValue", text: "no", statusCode: 400 };
    throw new SqsServiceError({ ...fields, senderFault: true });
  });
  const relay = b.relay();
  const failed = events(relay, "failed");
  await b.store(queue, ["bad"]);
  await relay.start();
  await failed;
  expect(relay.health()).toMatchObject({ status: "healthy" });
  const sent = events(relay, "sent");
  await b.store(queue, ["good"]);
  await sent;
});
