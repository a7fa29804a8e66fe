import { expect, it } from "vitest";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { createBench, watch } from "./bench.ts";
import { fifoUrl, standardUrl } from "./scripted-sqs.ts";

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);

it("gathers the calls of one turn into full batches, and sends the rest after maxWaitMs", async () => {
  const { clock, sqs, producer, finish } = createBench({ batch: { maxWaitMs: 7 } });
  const sends = numbers(25).map((body) => producer.send(body));
  await clock.settle();
  expect(sqs.batches).toEqual([numbers(20).slice(0, 10), numbers(20).slice(10)]);
  await clock.advance(6.9);
  expect(sqs.batches).toHaveLength(2);
  await clock.advance(0.1);
  expect(sqs.batches[2]).toEqual(["20", "21", "22", "23", "24"]);
  await clock.advance(10);
  const results = await Promise.all(sends);
  expect(results.map(({ messageId }) => messageId)).toEqual(numbers(25).map((n) => `id of ${n}`));
  expect(producer.stats()).toEqual({
    sent: 25,
    failed: 0,
    aborted: 0,
    pending: 0,
    inFlight: 0,
    requests: { SendMessageBatch: 3 },
  });
  await finish();
});

it("counts a message's wait from its own call, not from the last one", async () => {
  const { clock, sqs, producer, finish } = createBench();
  void producer.send("a");
  await clock.advance(4);
  void producer.send("b");
  await clock.advance(1);
  expect(sqs.batches).toEqual([["a", "b"]]);
  void producer.send("c");
  await clock.advance(4.9);
  expect(sqs.batches).toHaveLength(1);
  await clock.advance(0.1);
  expect(sqs.batches[1]).toEqual(["c"]);
  await finish();
});

it("waits for nobody with maxSize 1, and only for the same turn with maxWaitMs 0", async () => {
  const single = createBench({ batch: { maxSize: 1 } });
  void single.producer.send("a");
  void single.producer.send("b");
  await single.clock.settle();
  expect(single.sqs.batches).toEqual([["a"], ["b"]]);
  await single.finish();

  const turn = createBench({ batch: { maxWaitMs: 0 } });
  void turn.producer.send("a");
  await turn.clock.settle();
  void turn.producer.send("b");
  expect(turn.sqs.batches).toEqual([]);
  await turn.clock.advance(0);
  expect(turn.sqs.batches).toEqual([["a", "b"]]);
  await turn.finish();
});

it("keeps the calls of one turn together, however long it takes", async () => {
  /** A clock that is read later each time. */
  class SlowTurn extends VirtualClock {
    #reads = 0;
    override monotonicMs(): number {
      return super.monotonicMs() + (this.#reads += 1);
    }
  }
  const options = { batch: { maxWaitMs: 0 } };
  const { clock, sqs, producer, finish } = createBench(options, new SlowTurn());
  for (const body of ["a", "b", "c"]) void producer.send(body);
  await clock.advance(0);
  expect(sqs.batches).toEqual([["a", "b", "c"]]);
  await finish();
});

it("ends a batch at 1 MiB, attributes included", async () => {
  const { clock, sqs, producer, finish } = createBench();
  const mebibyte = 1_048_576;
  const attributes = { name: "x".repeat(1_000) };
  const stamp = "millrace.id".length + "String".length + 32;
  const overhead = "name".length + "String".length + 1_000 + stamp;
  const half = "h".repeat(mebibyte / 2 - overhead);
  void producer.send(half, { attributes });
  await clock.advance(1);
  void producer.send(half, { attributes });
  await clock.settle();
  expect(sqs.batches).toHaveLength(0);
  void producer.send("one too many");
  await clock.settle();
  expect(sqs.batches.map((bodies) => bodies.length)).toEqual([2]);
  await clock.advance(5);
  expect(sqs.batches[1]).toEqual(["one too many"]);
  await finish();
});

it("has no more than maxInFlight requests open, and gathers while it must wait", async () => {
  const { clock, sqs, producer, finish } = createBench({ maxInFlight: 2, batch: { maxSize: 3 } });
  sqs.latencyMs = () => 100;
  const sends = numbers(6).map((body) => producer.send(body));
  await clock.settle();
  for (const body of ["6", "7", "8", "9"]) {
    sends.push(producer.send(body));
    await clock.advance(10);
  }
  expect(sqs.batches).toHaveLength(2);
  expect(clock.pendingTimers).toBeGreaterThan(0);
  await clock.advance(60);
  expect(sqs.batches.slice(2)).toEqual([["6", "7", "8"], ["9"]]);
  await clock.advance(100);
  await Promise.all(sends);
  expect(sqs.mostOpen).toBe(2);
  await finish();
});

it("lets sends wait for room beyond maxPending, first come, first served", async () => {
  const { clock, sqs, producer, finish } = createBench({ maxPending: 3, batch: { maxSize: 2 } });
  const sends = numbers(7).map((body) => producer.send(body));
  await clock.settle();
  expect(sqs.batches).toEqual([["0", "1"]]);
  expect(producer.stats().pending).toBe(7);
  await clock.advance(10);
  // Two have left, and two came in: with the one that was there they make a batch, and one waits.
  expect(sqs.batches.slice(0, 3)).toEqual([["0", "1"], ["2"], ["3", "4"]]);
  await clock.advance(100);
  await Promise.all(sends);
  expect(sqs.bodies).toEqual(numbers(7));
  await finish();
});

it("looks a queue's name up once, before the first batch, however many batches wait for it", async () => {
  const { clock, sqs, producer, finish } = createBench({ queue: "orders" });
  const sends = numbers(30).map((body) => producer.send(body));
  await clock.advance(30);
  await Promise.all(sends);
  void producer.send("later");
  await clock.advance(30);
  expect(sqs.lookups).toEqual([{ QueueName: "orders", QueueOwnerAWSAccountId: undefined }]);
  expect([...sqs.urls]).toEqual([standardUrl]);
  expect(producer.stats().requests).toEqual({ GetQueueUrl: 1, SendMessageBatch: 4 });
  await finish();
});

it("looks up again after a look-up that failed", async () => {
  const { clock, sqs, producer, finish } = createBench({ queue: "orders" });
  const lookup = sqs.lookup;
  let fails = 2;
  sqs.lookup = () => {
    fails -= 1;
    if (fails >= 0) throw new Error("not an SqsError, so not tried again");
    return lookup();
  };
  const first = producer.send("a");
  await expect(Promise.all([first, clock.advance(20)])).rejects.toMatchObject({
    code: "SEND_FAILED",
    attempts: 1,
  });
  const second = watch(producer.send("b"));
  await clock.advance(20);
  expect(second.outcome).toBe("rejected");
  const third = producer.send("c");
  await clock.advance(30);
  expect(await third).toMatchObject({ messageId: "id of c" });
  await finish();
});

it("flush() sends on what waits for company, and resolves when all that was called is settled", async () => {
  const { clock, sqs, producer, finish } = createBench({ batch: { maxWaitMs: 30_000 } });
  await producer.flush();
  sqs.entry = (body) => (body === "b" ? { code: "Bad", senderFault: true } : "accept");
  const a = watch(producer.send("a"));
  const b = watch(producer.send("b"));
  const flushed = producer.flush();
  await clock.settle();
  expect(sqs.batches).toEqual([["a", "b"]]);
  const watched = watch(flushed);
  await clock.advance(9);
  const later = watch(producer.send("later"));
  expect(watched.outcome).toBe("pending");
  sqs.latencyMs = () => 1_000;
  await clock.advance(1);
  expect([a.outcome, b.outcome, watched.outcome]).toEqual(["resolved", "rejected", "resolved"]);
  expect(later.outcome).toBe("pending");
  await finish();
});

it("flush() does not take a later send for an earlier one", async () => {
  const { clock, sqs, producer, finish } = createBench();
  sqs.latencyMs = () => (sqs.batches.length === 1 ? 1_000 : 10);
  void producer.send("slow");
  const flushed = watch(producer.flush());
  const later = watch(producer.send("fast"));
  await clock.advance(50);
  expect([later.outcome, flushed.outcome]).toEqual(["resolved", "pending"]);
  await finish();
});

it("keeps a standard queue's batches full though messages carry group ids", async () => {
  const { clock, sqs, producer, finish } = createBench();
  for (const body of numbers(20)) void producer.send(body, { groupId: "tenant" });
  await clock.settle();
  expect(sqs.batches.map((bodies) => bodies.length)).toEqual([10, 10]);
  expect(sqs.open).toBe(2);
  await finish();
  expect(sqs.accepted[0]?.entry).toMatchObject({ MessageGroupId: "tenant" });
  expect(sqs.accepted[0]?.entry.MessageDeduplicationId).toBeUndefined();
});

it("fills batches from many FIFO groups, one message of each", async () => {
  const { clock, sqs, producer, finish } = createBench({ queue: fifoUrl });
  for (const body of numbers(20)) void producer.send(body, { groupId: `g${Number(body) % 10}` });
  await clock.settle();
  expect(sqs.batches).toEqual([numbers(10)]);
  await clock.advance(10);
  expect(sqs.batches[1]).toEqual(numbers(20).slice(10));
  await finish();
});
