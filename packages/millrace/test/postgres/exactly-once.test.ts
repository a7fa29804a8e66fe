/**
 * The whole of it: producers, an outbox, queues that deliver twice, consumers that fail, and effects that are
 * there exactly once.
 */
import { SqsService } from "@millrace/local-sqs";
import { eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { pgTable, text } from "drizzle-orm/pg-core";
import { Consumer, Producer } from "millrace";
import type { SqsApi } from "millrace";
import { inbox, inboxBatch, outbox, OutboxRelay, poolHeadroom } from "millrace/postgres";
import { seededRandom } from "millrace/testing";
import type { Pool } from "pg";
import { expect, it, onTestFinished } from "vitest";
import { backends, context, did, kill, message, until, useBench } from "./bench.ts";

const bench = useBench();
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

async function local(): Promise<{ sqs: SqsApi; queue: string }> {
  const sqs = new SqsService();
  onTestFinished(() => sqs.close());
  const { QueueUrl = "" } = await sqs.call("CreateQueue", { QueueName: "jobs" });
  return { sqs, queue: QueueUrl };
}

/** Resolves when the queue is empty, what is in flight included. */
async function empty(sqs: SqsApi, QueueUrl: string): Promise<void> {
  await until(async () => {
    const { Attributes = {} } = await sqs.call("GetQueueAttributes", {
      QueueUrl,
      AttributeNames: ["All"],
    });
    const left = ["", "NotVisible", "Delayed"].map((kind) =>
      Number(Attributes[`ApproximateNumberOfMessages${kind}`]),
    );
    await new Promise((resolve) => void setImmediate(resolve));
    return left.every((count) => count === 0) ? true : undefined;
  });
}

async function effects(pool: Pool, prefix: string): Promise<string[]> {
  return (await bench.effects(pool)).filter((what) => what.startsWith(prefix));
}

it("two producers that send with one idempotency key have one effect", async () => {
  const { sqs, queue } = await local();
  const pool = bench.pool();
  const producers = [new Producer({ queue, sqs }), new Producer({ queue, sqs })];
  for (const producer of producers) {
    await producer.send("one effect", { idempotencyKey: "order-4711" });
    await producer.close();
  }
  const consumer = new Consumer({
    queue,
    sqs,
    waitTimeSeconds: 1,
    handle: inbox(pool, ({ body }, tx) => did(tx, body)),
  });
  await consumer.start();
  await empty(sqs, queue);
  const { acknowledged } = consumer.stats();
  await consumer.stop();
  expect({ acknowledged, effects: await effects(pool, "one effect") }).toEqual({
    acknowledged: 2,
    effects: ["one effect"],
  });
});

it("a consumer of batches has each effect once, and no message left", async () => {
  const { sqs, queue } = await local();
  const pool = bench.pool();
  const producer = new Producer({ queue, sqs });
  const names = Array.from({ length: 60 }, (_, i) => `batch ${i}`);
  // Each of them twice, as two producers would.
  const sends = [...names, ...names].map((name) =>
    producer.send(name, { idempotencyKey: name.replace(" ", "-") }),
  );
  await Promise.all(sends);
  await producer.close();
  let duplicates = 0;
  let tries = 0;
  const consumer = new Consumer({
    queue,
    sqs,
    waitTimeSeconds: 1,
    concurrency: 3,
    batch: { maxSize: 20 },
    handleBatch: inboxBatch(
      pool,
      async (messages, tx) => {
        const bodies = messages.map(({ body }) => body);
        await tx.query("INSERT INTO effects SELECT unnest($1::text[])", [bodies]);
        tries += 1;
        if (tries === 2) throw new Error("a bad day");
      },
      { onDuplicate: () => (duplicates += 1) },
    ),
    retry: () => 0,
  });
  await consumer.start();
  await empty(sqs, queue);
  await consumer.stop();
  expect(await effects(pool, "batch ")).toEqual(names.toSorted());
  expect(duplicates).toBe(60);
});

it.each([[1], [2]])(
  "every message is there once: handlers fail, backends are killed, deliveries are doubled (seed %i)",
  async (seed) => {
    const { sqs, queue } = await local();
    const random = seededRandom(seed);
    const [writer, relaying, eye] = [bench.pool(), bench.pool({ max: 1 }), bench.pool()];
    const relay = new OutboxRelay(relaying, { sqs, logger: silent, pollIntervalMs: 20 });
    onTestFinished(() => relay.stop());
    await relay.start();
    const pools = [bench.pool({ max: 4 }), bench.pool({ max: 4 })];
    const consumers = pools.map((pool) => {
      const handle = inbox(
        pool,
        async ({ body }: { body: string }, tx) => {
          await did(tx, body);
          if (random() < 0.2) throw new Error("a bad day");
          // It swallows a failed statement, so that there is nothing left to commit.
          if (random() < 0.1) await tx.query("SELECT 1 / 0").catch(() => undefined);
        },
        { lock: ({ body }) => (random() < 0.5 ? body : undefined) },
      );
      return new Consumer({
        queue,
        sqs,
        // Every delivery is handled twice at once, as if it had been handed out twice.
        handle: async (received, given) => {
          const both = await Promise.allSettled([handle(received, given), handle(received, given)]);
          const failed = both.find(({ status }) => status === "rejected");
          if (failed?.status === "rejected") throw failed.reason;
        },
        concurrency: 6,
        waitTimeSeconds: 0,
        visibilityTimeoutSeconds: 30,
        retry: () => 0,
        limits: [poolHeadroom(pool)],
        logger: silent,
      });
    });
    for (const consumer of consumers) onTestFinished(() => consumer.stop().then(() => undefined));
    await Promise.all(consumers.map((consumer) => consumer.start()));
    const names = Array.from({ length: 150 }, (_, i) => `seed ${seed}, ${i}`);
    for (const [i, name] of names.entries()) {
      const options = { idempotencyKey: `job-${seed}-${i}` };
      await outbox(writer, queue, name, options);
      // Somebody asks for the same again.
      if (random() < 0.1) await outbox(writer, queue, name, options);
      if (random() < 0.1) {
        const pool = random() < 0.2 ? relaying : pools[random() < 0.5 ? 0 : 1];
        const [victim] = pool === undefined ? [] : await backends(pool, eye);
        if (victim !== undefined) await kill(victim.pid, eye);
      }
    }
    await until(async () => {
      const { rowCount } = await eye.query("SELECT FROM millrace_outbox");
      return rowCount === 0 ? true : undefined;
    });
    await empty(sqs, queue);
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    const found = await effects(eye, `seed ${seed},`);
    expect(found).toEqual(names.toSorted());
  },
);

it("a query builder can be put on the transaction's client", async () => {
  const pool = bench.pool({ max: 1 });
  const table = pgTable("effects", { what: text("what").notNull() });
  const job = message({ body: "by drizzle" });
  const handle = inbox(pool, async ({ body }, tx) => {
    const db = drizzle({ client: tx });
    await db.insert(table).values({ what: body });
    const found = await db.select().from(table).where(eq(table.what, body));
    expect(found).toEqual([{ what: body }]);
    if (job.receiveCount === 1) throw new Error("not yet");
  });
  await expect(handle(job, context())).rejects.toThrow("not yet");
  expect(await effects(pool, "by drizzle")).toEqual([]);
  let runs = 0;
  const conflicts = inbox(pool, async ({ body }, tx) => {
    const db = drizzle({ client: tx });
    runs += 1;
    await db.insert(table).values({ what: body });
    // Drizzle wraps what pg throws; it is known for a conflict all the same.
    if (runs === 1)
      await db.execute(sql`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$`);
  });
  await conflicts(job, context());
  expect({ runs, effects: await effects(pool, "by drizzle") }).toEqual({
    runs: 2,
    effects: ["by drizzle"],
  });
});
