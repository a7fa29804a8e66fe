/**
 * The relay: many of them, faults of SQS and of the database, its start and stop.
 */
import { SqsConnectionError, SqsServiceError } from "millrace";
import {
  DatabaseUnavailableError,
  outbox,
  OutboxRelay,
  RelayStoppedError,
} from "millrace/postgres";
import { seededRandom, VirtualClock } from "millrace/testing";
import { Pool } from "pg";
import type { PoolConfig, QueryResult } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { backends, failure, gate, kill, noticing, settingsSql, until, useBench } from "./bench.ts";
import { bodies, events, OutboxBench } from "./outbox-bench.ts";

const bench = useBench();
const operation = "SendMessageBatch";
const lost = (): never => {
  throw new SqsConnectionError("the connection broke", operation);
};
const denied = (): never => {
  const fields = { operation, errorName: "AccessDeniedException", text: "no", statusCode: 403 };
  throw new SqsServiceError({ ...fields, senderFault: true });
};

/** The one backend of a pool of one. */
async function pidOfPool(pool: Pool, by: Pool): Promise<number> {
  return until(async () => (await backends(pool, by))[0]?.pid);
}

describe("any number of relays", () => {
  it("share an outbox, and send each message once", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue();
    const relays = [1, 2, 3, 4].map(() => b.relay({ batchSize: 7 }));
    const names = Array.from({ length: 300 }, (_, i) => `${i}`);
    await Promise.all(relays.map((relay) => relay.start()));
    await Promise.all(names.map((name) => b.store(queue, [name])));
    await until(async () => ((await b.left()).length === 0 ? true : undefined));
    await Promise.all(relays.map((relay) => relay.stop()));
    const arrived = bodies(await b.drain(queue));
    expect(arrived.length).toBe(300);
    expect(new Set(arrived)).toEqual(new Set(names));
    expect(relays.reduce((sum, relay) => sum + relay.stats().sent, 0)).toBe(300);
  });

  it.each([[1], [2], [3]])(
    "keep the order of each group, while SQS fails and backends are killed (seed %i)",
    async (seed) => {
      const b = await OutboxBench.open(bench);
      const queue = await b.queue("jobs.fifo");
      const random = seededRandom(seed);
      b.sqs.intercept(operation, async (next) => {
        if (random() < 0.1) lost();
        const output = await next();
        if (random() < 0.1) lost();
        return output;
      });
      const pools = [1, 2, 3].map(() => bench.pool({ max: 1 }));
      const relays = pools.map((pool) => b.relay({ batchSize: 10, random }, pool));
      await Promise.all(relays.map((relay) => relay.start()));
      const groups = ["a", "b", "c", "d", "e"];
      const store = async (groupId: string): Promise<void> => {
        for (let i = 0; i < 30; i += 1) await b.store(queue, [`${groupId}${i}`], { groupId });
      };
      const stored = Promise.all(groups.map(store));
      for (let i = 0; i < 6; i += 1) {
        const pool = pools[i % 3];
        if (pool !== undefined) await kill(await pidOfPool(pool, b.pool), b.pool);
        await b.store(queue, [`z${i}`], { groupId: "z" });
      }
      await stored;
      await until(async () => ((await b.left()).length === 0 ? true : undefined));
      const arrived = bodies(await b.drain(queue));
      for (const group of groups) {
        expect(arrived.filter((body) => body.startsWith(group))).toEqual(
          Array.from({ length: 30 }, (_, i) => `${group}${i}`),
        );
      }
    },
  );

  it("take a lane as a whole, also when its first message came to be seen last", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue("jobs.fifo");
    const inSend = gate();
    const letSend = gate();
    const seen: string[] = [];
    b.sqs.intercept(operation, async (next, { Entries }) => {
      seen.push(...Entries.map(({ MessageBody }) => MessageBody));
      inSend.open();
      await letSend.opened;
      return next();
    });
    // Two transactions that overlap: the one with the lower id commits later.
    const slow = await b.pool.connect();
    await slow.query("BEGIN");
    await outbox(slow, queue, "early id, late commit", { groupId: "g" });
    await b.store(queue, ["second"], { groupId: "g" });
    const first = b.relay();
    void first.start();
    await inSend.opened;
    await slow.query("COMMIT");
    slow.release();
    await b.store(queue, ["third"], { groupId: "g" });
    // It sees the lane, which the first relay has, and must leave it alone.
    const other = b.relay();
    await other.start();
    expect(seen).toEqual(["second"]);
    letSend.open();
    await until(async () => ((await b.left()).length === 0 ? true : undefined));
    expect(seen).toEqual(["second", "early id, late commit", "third"]);
  });
});

describe("when SQS fails", () => {
  it("a message stays, is tried again, and does not hold back others", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue();
    const relay = b.relay();
    const failed = events(relay, "failed");
    await b.store("nowhere", ["stays"]);
    await b.store(queue, ["goes"]);
    const sent = events(relay, "sent", 2);
    await relay.start();
    const [event] = await failed;
    expect(event).toMatchObject({ queue: "nowhere", attempts: 1 });
    expect(event?.error).toMatchObject({
      code: "SEND_FAILED",
      cause: { category: "missingQueue" },
    });
    expect(await b.left()).toEqual(["stays"]);
    const late = await b.queue("nowhere");
    await sent;
    expect(bodies(await b.drain(late))).toEqual(["stays"]);
  });

  it("a group waits for its first message, and other groups do not", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue("jobs.fifo");
    let refused = 0;
    // An entry of a batch is refused, the others go through.
    b.sqs.intercept(operation, async (_, input) => {
      const bad = input.Entries.filter(({ MessageBody }) => MessageBody === "a1" && refused === 0);
      refused += bad.length;
      const Entries = input.Entries.filter((entry) => !bad.includes(entry));
      const Failed = bad.map(({ Id }) => ({ Id, Code: "AccessDenied", SenderFault: true }));
      if (Entries.length === 0) return { Successful: [], Failed };
      const output = await b.service.call(operation, { ...input, Entries });
      return { ...output, Failed };
    });
    for (const body of ["a1", "b1", "a2", "b2", "a3", "b3"]) {
      await b.store(queue, [body], { groupId: body.charAt(0) });
    }
    const relay = b.relay();
    const sent = events(relay, "sent", 7);
    const failed = events(relay, "failed");
    await relay.start();
    expect(await failed).toMatchObject([{ queue, attempts: 1 }]);
    expect(bodies(await b.drain(queue))).toEqual(["b1", "b2", "b3"]);
    await b.store(queue, ["a4"], { groupId: "a" });
    await sent;
    expect(bodies(await b.drain(queue))).toEqual(["a1", "a2", "a3", "a4"]);
  });

  it("a group whose first message is to be sent later is left alone until then", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue("jobs.fifo");
    await b.store(queue, ["a1", "a2", "a3"], { groupId: "a" });
    await b.store(queue, ["b1"], { groupId: "b" });
    await b.pool.query(
      "UPDATE millrace_outbox SET due_at = now() + interval '1 hour' WHERE body = 'a1'",
    );
    const rows = async (): Promise<unknown> =>
      (await b.pool.query("SELECT ctid, body, due_at FROM millrace_outbox WHERE body LIKE 'a%'"))
        .rows;
    const before = await rows();
    const relay = b.relay();
    await relay.start();
    const others = events(relay, "sent");
    await b.store(queue, ["b2"], { groupId: "b" });
    await others;
    expect(bodies(await b.drain(queue))).toEqual(["b1", "b2"]);
    // However many messages wait behind it: none of them is written to for that.
    expect(await rows()).toEqual(before);
    const sent = events(relay, "sent", 3);
    await b.pool.query("UPDATE millrace_outbox SET due_at = now()");
    await sent;
    expect(bodies(await b.drain(queue))).toEqual(["a1", "a2", "a3"]);
  });

  it("a group waits for its first message, by whichever of its URL and ARN the queue is named", async () => {
    const b = await OutboxBench.open(bench);
    const url = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs.fifo";
    const arn = "arn:aws:sqs:us-east-1:123456789012:jobs.fifo";
    const seen: string[] = [];
    b.sqs.intercept("GetQueueUrl", () => Promise.resolve({ QueueUrl: url }));
    b.sqs.intercept(operation, (_, { Entries }) => {
      seen.push(...Entries.map(({ MessageBody }) => MessageBody));
      const [{ Id } = { Id: "" }] = Entries;
      const refused = { Id, Code: "AccessDenied", SenderFault: true };
      return Promise.resolve(
        seen.length === 1
          ? { Successful: [], Failed: [refused] }
          : { Successful: [{ Id, MessageId: "m", MD5OfMessageBody: "" }], Failed: [] },
      );
    });
    await b.store(url, ["1"], { groupId: "g" });
    await b.store(arn, ["2"], { groupId: "g" });
    await b.store(url, ["3"], { groupId: "g" });
    const relay = b.relay({ random: () => 0 });
    const sent = events(relay, "sent", 3);
    await relay.start();
    await sent;
    expect(seen).toEqual(["1", "1", "2", "3"]);
  });

  it("the relay pauses, whatever it is told of meanwhile", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue();
    b.sqs.intercept(operation, async () => {
      await b.store(queue, ["told of while the round is under way"]);
      return denied();
    });
    const clock = new VirtualClock();
    const relay = b.relay({ clock });
    /** Lets whatever needs no time happen, in Postgres too. */
    const settle = async (): Promise<void> => {
      for (let i = 0; i < 200; i += 1) {
        await clock.advance(0);
        await b.pool.query("SELECT");
      }
    };
    await b.store(queue, ["first"]);
    void relay.start();
    await until(async () => {
      await settle();
      return relay.stats().failed > 0 ? true : undefined;
    });
    await settle();
    await b.store(queue, ["told of while it pauses"]);
    await settle();
    expect(relay.stats()).toMatchObject({ rounds: 1, failed: 1 });
    b.sqs.intercept(operation, undefined);
    await until(async () => {
      await clock.advance(10);
      await b.pool.query("SELECT");
      return relay.stats().sent >= 2 ? true : undefined;
    });
    let stopped = false;
    void relay.stop().then(() => (stopped = true));
    await until(async () => {
      await settle();
      return stopped || undefined;
    });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("when the connection breaks", () => {
  it("between send and removal, the message is sent again with the same key", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue();
    const pool = bench.pool({ max: 1 });
    const relay = b.relay({}, pool);
    const failed = events(relay, "databaseFailed");
    let sends = 0;
    b.sqs.intercept(operation, async (next) => {
      const output = await next();
      sends += 1;
      if (sends === 1) await kill(await pidOfPool(pool, b.pool), b.pool);
      return output;
    });
    await relay.start();
    const sent = events(relay, "sent");
    await b.store(queue, ["a"], { idempotencyKey: "k" });
    expect(await failed).toMatchObject([{ failures: 1, error: { code: "DATABASE_UNAVAILABLE" } }]);
    await sent;
    const arrived = await b.drain(queue);
    const key = { "millrace.id": { StringValue: "k" } };
    expect(arrived).toMatchObject([
      { Body: "a", MessageAttributes: key },
      { Body: "a", MessageAttributes: key },
    ]);
    expect(relay.stats()).toMatchObject({ sent: 1, databaseFailures: 1 });
  });

  it("between send and removal, a FIFO queue has the message once", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue("jobs.fifo");
    const pool = bench.pool({ max: 1 });
    const relay = b.relay({}, pool);
    let sends = 0;
    b.sqs.intercept(operation, async (next) => {
      const output = await next();
      sends += 1;
      if (sends === 1) await kill(await pidOfPool(pool, b.pool), b.pool);
      return output;
    });
    await relay.start();
    const sent = events(relay, "sent", 2);
    await b.store(queue, ["a", "b"], { groupId: "g" });
    await sent;
    expect(bodies(await b.drain(queue))).toEqual(["a", "b"]);
  });

  it("while it waits, it connects again and goes on", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue();
    const pool = bench.pool({ max: 1 });
    const relay = b.relay({ pollIntervalMs: 3_600_000 }, pool);
    await relay.start();
    for (const body of ["a", "b"]) {
      const failed = events(relay, "databaseFailed");
      await kill(await pidOfPool(pool, b.pool), b.pool);
      await failed;
      const sent = events(relay, "sent");
      await b.store(queue, [body]);
      await sent;
    }
    expect(bodies(await b.drain(queue))).toEqual(["a", "b"]);
  });
});

describe("a round's transaction", () => {
  /** Has `instead` answer in place of the client, of whatever connection the pool makes. */
  function answering(
    pool: Pool,
    instead: (sql: unknown, query: (...args: unknown[]) => Promise<unknown>) => unknown,
  ): Pool {
    pool.on("connect", (client) => {
      const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
      const asked = (sql: unknown, ...rest: unknown[]): unknown =>
        instead(sql, query) ?? query(sql, ...rest);
      Object.assign(client, { query: asked });
    });
    return pool;
  }

  it("ends soon after its relay is gone, and not while it sends", async () => {
    const b = await OutboxBench.open(bench);
    const expected = {
      ...noticing,
      idle_in_transaction_session_timeout: "91000",
      transaction_timeout: "0",
    };
    const sql = settingsSql(Object.keys(expected));
    const config: PoolConfig = { max: 1, options: "-c transaction_timeout=60s" };
    const { rows: otherwise } = await bench.pool(config).query<object>(sql);
    const found: unknown[] = [];
    const lookAround = async (
      text: string,
      query: (...args: unknown[]) => Promise<unknown>,
    ): Promise<unknown> => {
      const look = async (): Promise<unknown> =>
        found.push(...((await query(sql)) as QueryResult<object>).rows);
      await look();
      const answer = await query(text);
      await look();
      return answer;
    };
    const pool = answering(bench.pool(config), (text, query) =>
      text === "COMMIT" ? lookAround(text, query) : undefined,
    );
    await b.relay({ sendTimeoutMs: 60_000 }, pool).start();
    // And what else the pool is used for is left as it was.
    expect(found.slice(0, 2)).toEqual([{ settings: expected }, ...otherwise]);
  });

  it("does without what the server has no setting for", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue();
    let refused = 0;
    const pool = answering(bench.pool({ max: 1 }), (sql, query) => {
      if (typeof sql !== "string" || !sql.includes("client_connection_check")) return undefined;
      refused += 1;
      return query("BEGIN; SET LOCAL no_such_setting_of_postgres = 1");
    });
    const relay = b.relay({}, pool);
    await relay.start();
    const sent = events(relay, "sent", 2);
    await b.store(queue, ["a", "b"]);
    await sent;
    expect({ refused, failures: relay.stats().databaseFailures }).toEqual({
      refused: 1,
      failures: 0,
    });
  });
});

describe("its life", () => {
  it("start rejects when the database cannot be reached, and may be tried again", async () => {
    const pool = new Pool({ connectionString: "postgres://localhost:1/none" });
    onTestFinished(() => pool.end());
    const relay = new OutboxRelay(pool, { sqs: (await OutboxBench.open(bench)).sqs });
    for (let i = 0; i < 2; i += 1) {
      await expect(relay.start()).rejects.toBeInstanceOf(DatabaseUnavailableError);
    }
    await relay.stop();
  });

  it("start rejects when the table is missing", async () => {
    const b = await OutboxBench.open(bench);
    const relay = b.relay({ table: "nowhere" });
    await expect(relay.start()).rejects.toMatchObject({
      code: "STATEMENT_FAILED",
      sqlState: "42P01",
    });
  });

  it("starts once, stops once, and can be started again", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue();
    const pool = bench.pool({ max: 1 });
    const relay = b.relay({}, pool);
    await relay.stop();
    expect(relay.start()).toBe(relay.start());
    await relay.start();
    const stop = relay.stop();
    expect(relay.stop()).toBe(stop);
    await stop;
    expect(pool.totalCount, "connections").toBe(0);
    await b.store(queue, ["a"]);
    const sent = events(relay, "sent");
    await relay.start();
    await sent;
    await relay.stop();
  });

  it("a stop during the start ends it", async () => {
    const b = await OutboxBench.open(bench);
    const pool = bench.pool({ max: 1 });
    const client = await pool.connect();
    const relay = b.relay({}, pool);
    const started = failure(relay.start());
    await relay.stop();
    expect(await started).toBeInstanceOf(RelayStoppedError);
    client.release();
  });

  it("a stop waits for the sends under way, and removes what was sent", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue();
    const [inSend, letSend] = [gate(), gate()];
    b.sqs.intercept(operation, async (next) => {
      inSend.open();
      await letSend.opened;
      return next();
    });
    const relay = b.relay();
    await b.store(queue, ["a"]);
    void relay.start();
    await inSend.opened;
    const stopped = relay.stop();
    await b.store(queue, ["too late"]);
    letSend.open();
    await stopped;
    expect(await b.left()).toEqual(["too late"]);
    expect(bodies(await b.drain(queue))).toEqual(["a"]);
  });

  it("a stop's deadline ends sends that do not end, and what they were about stays", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue();
    const inSend = gate();
    b.sqs.intercept(operation, (_, __, { signal }) => {
      inSend.open();
      return new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    });
    const pool = bench.pool({ max: 1 });
    const relay = b.relay({}, pool);
    let failed = 0;
    relay.on("failed", () => (failed += 1));
    await b.store(queue, ["a"]);
    void relay.start();
    await inSend.opened;
    await relay.stop({ deadlineMs: 0 });
    expect(await b.left()).toEqual(["a"]);
    expect({ failed, connections: pool.totalCount }).toEqual({ failed: 0, connections: 0 });
  });

  it("a listener that throws harms nobody", async () => {
    const b = await OutboxBench.open(bench);
    const queue = await b.queue();
    const relay = b.relay();
    relay.on("sent", () => {
      throw new Error("no");
    });
    await relay.start();
    const sent = events(relay, "sent", 2);
    await b.store(queue, ["a", "b"]);
    await sent;
  });

  it.each<[string, unknown]>([
    ["batchSize", 0],
    ["pollIntervalMs", 9],
    ["sendTimeoutMs", Number.NaN],
    ["table", "a b"],
    ["sqs", {}],
    ["notify", true],
  ])("refuses an impossible %s: %j", (option, value) => {
    const make = (): unknown => new OutboxRelay(bench.pool(), { [option]: value });
    expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION", option }));
  });

  it("refuses an impossible deadline", async () => {
    const b = await OutboxBench.open(bench);
    await expect(b.relay().stop({ deadlineMs: -1 })).rejects.toMatchObject({
      option: "deadlineMs",
    });
  });
});
