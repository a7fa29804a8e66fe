import type { SqsService } from "@millrace/local-sqs";
import { Journal, Screen } from "programs";
import { Output } from "programs/testing";
import { describe, expect, it } from "vitest";
import { DecisionNews } from "../../src/office/decision-news.ts";
import { requestAgain, requestReservation } from "../../src/office/reservations.ts";
import { rushLedger } from "../../src/rush/rush-ledger.ts";
import type { RushLedger } from "../../src/rush/rush-ledger.ts";
import { useOffice } from "../office.ts";

/** Nothing but inbox and lock stands between the workers and a seat that is sold twice. */
const office = useOffice({ constraints: false });
const guarded = useOffice();

/** Some who want a seat; their requests are in the outbox, in this order. */
async function ask(
  event: string,
  queue: string,
  ...wishes: readonly [customer: string, seat: string][]
): Promise<string[]> {
  const pool = office.pool();
  const ids: string[] = [];
  for (const [customer, seat] of wishes) {
    ids.push((await requestReservation(pool, queue, { event, seat, customer })) ?? "");
  }
  return ids;
}

/** Sends what a worker gets, besides what the relay sends. */
async function send(sqs: SqsService, queue: string, body: unknown, key: string): Promise<void> {
  await sqs.call("SendMessage", {
    QueueUrl: queue,
    MessageBody: JSON.stringify(body),
    MessageAttributes: { "millrace.id": { DataType: "String", StringValue: key } },
  });
}

/** Once so many were decided, and the queue is empty. */
async function settled(
  sqs: SqsService,
  queue: string,
  event: string,
  decided: number,
): Promise<RushLedger> {
  const pool = office.pool();
  await expect
    .poll(
      async () => {
        const ledger = await rushLedger(pool, event);
        const { Attributes = {} } = await sqs.call("GetQueueAttributes", {
          QueueUrl: queue,
          AttributeNames: ["All"],
        });
        const {
          ApproximateNumberOfMessages: waiting,
          ApproximateNumberOfMessagesNotVisible: held,
        } = Attributes;
        return { decided: ledger.decided, left: Number(waiting) + Number(held) };
      },
      { timeout: 25_000, interval: 10 },
    )
    .toEqual({ decided, left: 0 });
  return rushLedger(pool, event);
}

const clean = { seatsSoldTwice: 0, atOdds: 0, decidedTwice: 0, toldTwice: 0, untold: 0 };

describe("a worker", () => {
  it("gives a seat to the first message, refuses the others, and tells each customer once", async () => {
    const event = await office.event("first", 4);
    const { sqs, queue } = await office.queue();
    const [first = "", second = "", other = ""] = await ask(
      event,
      queue,
      ["ann", "A1"],
      ["bob", "A1"],
      ["eve", "A2"],
    );
    // In the order of their coming, so that one knows who was first: one at a time.
    for (const [id, seat] of [
      [first, "A1"],
      [second, "A1"],
      [other, "A2"],
    ] as const) {
      await send(sqs, queue, { id, event, seat }, id);
    }
    await office.decide({ sqs, queue, concurrency: 1 });
    expect(await settled(sqs, queue, event, 3)).toMatchObject({
      ...clean,
      confirmed: 2,
      refused: 1,
    });
    expect(
      await office.rows(
        `SELECT customer, state, reason, text FROM tickets.reservations JOIN tickets.notifications
         USING (customer) WHERE event = $1 ORDER BY customer`,
        event,
      ),
    ).toEqual([
      {
        customer: "ann",
        state: "confirmed",
        reason: null,
        text: "Seat A1 is yours (first).",
      },
      {
        customer: "bob",
        state: "refused",
        reason: "the seat was taken by then",
        text: "Seat A1 could not be reserved: the seat was taken by then (first).",
      },
      {
        customer: "eve",
        state: "confirmed",
        reason: null,
        text: "Seat A2 is yours (first).",
      },
    ]);
  });

  it("decides once about a message that comes five times", async () => {
    const event = await office.event("dup", 4);
    const { sqs, queue } = await office.queue();
    const [id = ""] = await ask(event, queue, ["ann", "A1"]);
    for (let i = 0; i < 4; i += 1) await send(sqs, queue, { id, event, seat: "A1" }, id);
    const duplicates: string[] = [];
    await office.decide({ sqs, queue, onDuplicate: ({ body }) => duplicates.push(body.id) });
    expect(await settled(sqs, queue, event, 1)).toMatchObject({ ...clean, confirmed: 1 });
    // The fifth is the relay's.
    expect(duplicates).toEqual([id, id, id, id]);
  });

  it("decides once about a message that comes by another queue too", async () => {
    const event = await office.event("moved", 4);
    const [first, second] = [await office.queue(), await office.queue()];
    const [id = ""] = await ask(event, first.queue, ["ann", "A1"]);
    await office.decide(first);
    await settled(first.sqs, first.queue, event, 1);
    const { href } = new URL("other", second.queue);
    await second.sqs.call("CreateQueue", { QueueName: "other" });
    await send(second.sqs, href, { id, event, seat: "A1" }, id);
    const consumer = await office.decide({ sqs: second.sqs, queue: href });
    await expect.poll(() => consumer.stats().acknowledged).toBe(1);
    expect(await rushLedger(office.pool(), event)).toMatchObject({ ...clean, confirmed: 1 });
  });

  it("is asked again about what is undecided and waits nowhere", async () => {
    const event = await office.event("lost", 4);
    const { sqs, queue } = await office.queue();
    const pool = office.pool();
    await ask(event, queue, ["ann", "A1"], ["bob", "A2"]);
    await office.rows("DELETE FROM millrace_outbox WHERE body LIKE $1", '%"A1"%');
    const { signal } = new AbortController();
    expect(await requestAgain(pool, queue, signal)).toBeGreaterThan(0);
    const waiting = "SELECT FROM millrace_outbox WHERE body LIKE $1";
    expect(await office.rows(waiting, `%"${event}"%`)).toHaveLength(2);
    await expect(requestAgain(pool, queue, AbortSignal.abort())).resolves.toBe(0);
    await office.decide({ sqs, queue });
    expect(await settled(sqs, queue, event, 2)).toMatchObject({ ...clean, confirmed: 2 });
  });

  it("sells each seat once to a crowd", async () => {
    const event = await office.event("crowd", 4);
    const { sqs, queue } = await office.queue();
    const crowd = Array.from({ length: 60 }, (_, i): [string, string] => [
      `buyer ${i}`,
      `A${1 + (i % 4)}`,
    ]);
    await ask(event, queue, ...crowd);
    // Of two processes, in earnest: the lock is the database's.
    await office.decide({ sqs, queue });
    await office.decide({ sqs, queue });
    expect(await settled(sqs, queue, event, 60)).toMatchObject({
      ...clean,
      confirmed: 4,
      refused: 56,
    });
  });

  it("leaves what is no message of ours, and what nobody asked for, undecided and undeleted", async () => {
    const event = await office.event("strange", 4);
    const { sqs, queue } = await office.queue();
    const unknown = "5a9e0b63-6a53-4a39-8ac4-0e2d1f0a7b11";
    await send(sqs, queue, { id: unknown, event, seat: "A1" }, unknown);
    await send(sqs, queue, { hello: "world" }, "hello");
    // Somebody's reservation, but not of this seat.
    const other = "0d5f9f0e-54c5-4b0e-8d3b-3a1f5b1c2f10";
    await office.rows(
      "INSERT INTO tickets.reservations (id, event, seat, customer) VALUES ($1, $2, 'A2', 'ann')",
      other,
      event,
    );
    await send(sqs, queue, { id: other, event, seat: "A1" }, other);
    const consumer = await office.decide({ sqs, queue });
    await expect
      .poll(() => consumer.stats().retried, { timeout: 25_000, interval: 10 })
      .toBeGreaterThanOrEqual(3);
    expect(consumer.stats().acknowledged).toBe(0);
    const sold = "SELECT FROM tickets.seats WHERE event = $1 AND reservation IS NOT NULL";
    expect(await office.rows(sold, event)).toEqual([]);
  });
});

describe("what a worker tells", () => {
  it("is that it decided, once, and of a message that comes again that it did not", async () => {
    const event = await office.event("again", 4);
    const { sqs, queue } = await office.queue();
    const output = new Output();
    using journal = new Journal({ screen: new Screen(output) });
    const news = new DecisionNews(journal, "worker 1");
    const consumer = await office.decide({ sqs, queue, onDuplicate: news.onDuplicate });
    news.begin(consumer);
    const [id = ""] = await ask(event, queue, ["ann", "A1"]);
    await expect.poll(() => consumer.stats().acknowledged).toBe(1);
    await send(sqs, queue, { id, event, seat: "A1" }, id);
    await expect.poll(() => consumer.stats().acknowledged).toBe(2);
    expect(output.lines).toEqual([
      expect.stringMatching(/^worker 1 +decided about A1 in \d+/),
      expect.stringMatching(/^worker 1 +A1 came again, and was decided before$/),
    ]);
  });
});

describe("the constraints", () => {
  it("stand in the way of a seat that is sold twice, and of a customer who is told twice", async () => {
    const pool = guarded.pool();
    const reserve = async (customer: string): Promise<string | undefined> =>
      requestReservation(pool, "q", { event: "gala", seat: "A1", customer });
    const [first, second] = [await reserve("ann"), await reserve("bob")];
    const confirm = (id: string | undefined): Promise<object[]> =>
      guarded.rows("UPDATE tickets.reservations SET state = 'confirmed' WHERE id = $1", id);
    await confirm(first);
    await expect(confirm(second)).rejects.toMatchObject({ constraint: "sold_once" });
    const tell = (): Promise<object[]> =>
      guarded.rows(
        "INSERT INTO tickets.notifications (reservation, customer, text) VALUES ($1, '', '')",
        first,
      );
    await tell();
    await expect(tell()).rejects.toMatchObject({ constraint: "told_once" });
  });
});
