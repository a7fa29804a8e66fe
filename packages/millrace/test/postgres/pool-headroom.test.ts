/**
 * How many messages a pool can serve, and what becomes of polling while the database is away.
 */
import { SqsService } from "@millrace/local-sqs";
import { Consumer, OptionError } from "millrace";
import { inbox, poolHeadroom } from "millrace/postgres";
import { VirtualClock } from "millrace/testing";
import { expect, it, onTestFinished } from "vitest";
import { did, failure, useBench } from "./bench.ts";
import { openRoad } from "./road.ts";

const bench = useBench();

it("is what is idle or can be made, and ten who may wait, less those who do", async () => {
  const pool = bench.pool({ max: 4 });
  const headroom = poolHeadroom(pool);
  const strict = poolHeadroom(pool, { maxWaiting: 0 });
  expect([await headroom(), await strict()]).toEqual([14, 4]);
  const lent = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
  expect([await headroom(), await strict()]).toEqual([11, 1]);
  lent.push(await pool.connect());
  const queue = Array.from({ length: 12 }, () => pool.query("SELECT"));
  expect([await headroom(), await strict()]).toEqual([0, 0]);
  for (const client of lent) client.release();
  await Promise.all(queue);
  expect([await headroom(), await strict()]).toEqual([14, 4]);
});

it("is nothing while the database is away, and all of it when it is back", async () => {
  const { url, cut, mend } = await openRoad(bench.url);
  const pool = bench.pool({ connectionString: url, max: 2 });
  const clock = new VirtualClock();
  const headroom = poolHeadroom(pool, { clock });
  expect(await headroom()).toBe(12);
  cut();
  await clock.advance(1_000);
  expect(await failure(Promise.resolve(headroom()))).toMatchObject({
    code: "DATABASE_UNAVAILABLE",
  });
  await mend();
  // It does not look again within a second: what it has found still counts.
  await expect(headroom()).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  await clock.advance(1_000);
  expect(await headroom()).toBe(12);
  expect(clock.pendingTimers).toBe(0);
});

it("is as ever when others use every connection, whatever was wrong before", async () => {
  const { url, cut, mend } = await openRoad(bench.url);
  const pool = bench.pool({ connectionString: url, max: 2 });
  const clock = new VirtualClock();
  const headroom = poolHeadroom(pool, { clock });
  cut();
  await expect(headroom()).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  await mend();
  const lent = await Promise.all([pool.connect(), pool.connect()]);
  // What it has found counts for a second; then there is no connection to look again with.
  await expect(headroom()).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  await clock.advance(1_000);
  expect(await headroom()).toBe(10);
  for (const client of lent) client.release();
  expect(await headroom()).toBe(12);
});

it("is nothing when the database says nothing for five seconds", async () => {
  const { url, swallow } = await openRoad(bench.url);
  const pool = bench.pool({ connectionString: url, max: 2 });
  const clock = new VirtualClock();
  const headroom = poolHeadroom(pool, { clock });
  expect(await headroom()).toBe(12);
  swallow(true);
  await clock.advance(1_000);
  const asked = [failure(Promise.resolve(headroom())), failure(Promise.resolve(headroom()))];
  await clock.advanceUntil(() => clock.pendingTimers === 0);
  expect(await Promise.all(asked)).toMatchObject([
    { code: "DATABASE_UNAVAILABLE" },
    { code: "DATABASE_UNAVAILABLE" },
  ]);
  swallow(false);
  await clock.advance(1_000);
  expect(await headroom()).toBe(12);
});

it("is nothing while the server takes no writes, unless none are wanted", async () => {
  const pool = bench.pool({ max: 2 });
  // The first connection was made before a failover, so to speak.
  pool.once("connect", (client) => void client.query("SET default_transaction_read_only = on"));
  const clock = new VirtualClock();
  const reading = poolHeadroom(pool, { clock, readOnly: true });
  const headroom = poolHeadroom(pool, { clock });
  expect(await reading()).toBe(12);
  await expect(headroom()).rejects.toMatchObject({
    code: "DATABASE_UNAVAILABLE",
    message: "the database takes no writes",
  });
  await clock.advance(1_000);
  expect(await headroom()).toBe(12);
});

it("keeps receive counts from being used up while the database is away", async () => {
  const { url, cut, mend } = await openRoad(bench.url);
  const pool = bench.pool({ connectionString: url });
  const sqs = new SqsService();
  onTestFinished(() => sqs.close());
  const { QueueUrl: queue = "" } = await sqs.call("CreateQueue", { QueueName: "jobs" });
  const consumer = new Consumer({
    queue,
    sqs,
    waitTimeSeconds: 1,
    handle: inbox(pool, ({ body }, tx) => did(tx, body)),
    limits: [poolHeadroom(pool)],
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  });
  onTestFinished(() => consumer.stop().then(() => undefined));
  const changed = (to: string): Promise<void> =>
    new Promise((resolve) => {
      const listen = (change: { to: string }): void => {
        if (change.to !== to) return;
        consumer.off("stateChanged", listen);
        resolve();
      };
      consumer.on("stateChanged", listen);
    });
  await consumer.start();
  const degraded = changed("degraded");
  cut();
  await degraded;
  expect(consumer.stats().openPolls).toBe(0);
  await sqs.call("SendMessage", { QueueUrl: queue, MessageBody: "patient" });
  const acknowledged = new Promise<number>((resolve) => {
    consumer.on("acknowledged", ({ message }) => resolve(message.receiveCount));
  });
  const healthy = changed("healthy");
  await mend();
  await healthy;
  expect(await acknowledged).toBe(1);
  expect(await bench.effects(pool)).toContain("patient");
});

it.each<[string, unknown]>([
  ["maxWaiting", -1],
  ["maxWaiting", "1"],
  ["min", 1],
])("refuses an impossible %s: %j", (option, value) => {
  const make = (): unknown => poolHeadroom(bench.pool(), { [option]: value });
  expect(make).toThrow(OptionError);
  expect(make).toThrow(expect.objectContaining({ option }));
});
