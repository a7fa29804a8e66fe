import { describe, expect, it } from "vitest";
import { seededRandom } from "millrace/testing";
import { createBench, watch } from "./bench.ts";
import { connectionError, fifoUrl } from "./scripted-sqs.ts";

const fifo = { queue: fifoUrl };
const failed = { code: "InternalError", senderFault: false };

/** Bodies are `<group><number>`. */
function byGroup(bodies: readonly string[]): Record<string, number[]> {
  const groups: Record<string, number[]> = {};
  for (const body of bodies) (groups[body.charAt(0)] ??= []).push(Number(body.slice(1)));
  return groups;
}

describe("fault 28: FIFO sends of one group go out in concurrent batches and arrive out of order", () => {
  it("has one request of a group in flight, whatever the latencies", async () => {
    const { clock, sqs, producer, finish } = createBench(fifo);
    // Each request is faster than the one before: in parallel they would overtake each other.
    let latencyMs = 100;
    sqs.latencyMs = () => (latencyMs -= 3);
    const sends = Array.from({ length: 25 }, (_, i) => producer.send(`a${i}`, { groupId: "a" }));
    await clock.advanceUntil(() => producer.stats().pending === 0);
    await Promise.all(sends);
    expect(byGroup(sqs.bodies)).toEqual({ a: Array.from({ length: 25 }, (_, i) => i) });
    expect(sqs.overlaps).toEqual([]);
    expect(sqs.mostOpen).toBe(1);
    await finish();
  });

  it("holds back what came after a send that is to be tried again", async () => {
    const { clock, sqs, producer, finish } = createBench(fifo);
    sqs.entry = (body, nth) => (body === "a0" && nth < 4 ? failed : "accept");
    for (const body of ["a0", "a1", "b0", "a2", "b1"]) {
      void producer.send(body, { groupId: body.charAt(0) });
    }
    await clock.advanceUntil(() => sqs.bodies.length === 2);
    // The other group goes on meanwhile.
    expect(sqs.bodies).toEqual(["b0", "b1"]);
    await clock.advanceUntil(() => producer.stats().pending === 0);
    expect(byGroup(sqs.bodies)).toEqual({ a: [0, 1, 2], b: [0, 1] });
    await finish();
  });

  it.each(Array.from({ length: 20 }, (_, seed) => [seed]))(
    "keeps every group's order through faults, lost answers and uneven latencies (seed %i)",
    async (seed) => {
      const random = seededRandom(seed);
      const maxInFlight = 1 + Math.floor(random() * 8);
      const { clock, sqs, producer, finish } = createBench({
        ...fifo,
        maxInFlight,
        maxPending: 50,
      });
      sqs.latencyMs = () => random() * 50;
      sqs.request = () => {
        const draw = random();
        if (draw < 0.1) return connectionError();
        return draw < 0.2 ? "lose" : "answer";
      };
      sqs.entry = () => (random() < 0.2 ? failed : "accept");
      const counts: Record<string, number> = {};
      const sends: Promise<unknown>[] = [];
      for (let i = 0; i < 300; i += 1) {
        const group = "abcdefghijklmnopqrst".charAt(Math.floor(random() * 20));
        const n = counts[group] ?? 0;
        counts[group] = n + 1;
        sends.push(producer.send(`${group}${n}`, { groupId: group }));
        if (random() < 0.2) await clock.advance(random() * 10);
      }
      await clock.advanceUntil(() => producer.stats().pending === 0);
      await Promise.all(sends);
      for (const [group, numbers] of Object.entries(byGroup(sqs.bodies))) {
        // Each once, too: a retry carries the same deduplication id.
        expect(numbers).toEqual(Array.from({ length: counts[group] ?? 0 }, (_, i) => i));
      }
      expect(sqs.overlaps).toEqual([]);
      expect(sqs.mostOpen).toBeLessThanOrEqual(maxInFlight);
      await finish();
    },
  );

  it("keeps the order of sends that wait for room, also when others are called meanwhile", async () => {
    const { clock, sqs, producer, finish } = createBench({ ...fifo, maxPending: 1 });
    const groupId = "a";
    // The next call comes in the very turn in which room is made.
    let next = 2;
    const more = (): void => {
      if (next < 10) void producer.send(`a${next++}`, { groupId }).then(more);
    };
    void producer.send("a0", { groupId }).then(more);
    void producer.send("a1", { groupId }).then(more);
    await clock.advanceUntil(() => producer.stats().sent === 10);
    expect(byGroup(sqs.bodies)).toEqual({ a: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] });
    await finish();
  });
});

it("lets no group wait for another that is slow", async () => {
  const { clock, sqs, producer, finish } = createBench(fifo);
  sqs.latencyMs = () => (sqs.batches.length === 1 ? 5_000 : 10);
  const slow = watch(producer.send("slow", { groupId: "slow" }));
  await clock.advance(5);
  const sends = ["a0", "a1", "a2"].map((body) => producer.send(body, { groupId: "a" }));
  await clock.advance(50);
  await Promise.all(sends);
  expect(slow.outcome).toBe("pending");
  await finish();
});

it("goes on with a group when one of its sends is given up or refused", async () => {
  const { clock, sqs, producer, finish } = createBench({ ...fifo, retry: { giveUpAfterMs: 500 } });
  sqs.entry = (body) => {
    if (body === "a0") return failed;
    return body === "a1" ? { code: "InvalidMessageContents", senderFault: true } : "accept";
  };
  const a0 = watch(producer.send("a0", { groupId: "a" }));
  await clock.advance(300);
  const a1 = watch(producer.send("a1", { groupId: "a" }));
  const a2 = watch(producer.send("a2", { groupId: "a" }));
  await clock.advanceUntil(() => producer.stats().pending === 0);
  expect([a0, a1, a2].map(({ outcome }) => outcome)).toEqual(["rejected", "rejected", "resolved"]);
  await finish();
});

it("gives each send a deduplication id of its own, the same at every attempt", async () => {
  const { clock, sqs, producer, finish } = createBench(fifo);
  sqs.request = (_, nth) => (nth < 3 ? "lose" : "answer");
  const first = producer.send("same", { groupId: "a" });
  const second = producer.send("same", { groupId: "a" });
  await clock.advanceUntil(() => producer.stats().pending === 0);
  expect(await first).toEqual({ messageId: "id of same", sequenceNumber: undefined });
  expect(await second).toEqual({ messageId: "id of same", sequenceNumber: "2" });
  expect(sqs.batches.length).toBe(4);
  const ids = sqs.accepted.map(({ entry }) => entry.MessageDeduplicationId);
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(2);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  await finish();
});

it("passes a deduplication id on, and makes none up when the queue deduplicates by content", async () => {
  const { sqs, producer, finish } = createBench({ ...fifo, contentBasedDeduplication: true });
  void producer.send("a", { groupId: "a", deduplicationId: "mine" });
  void producer.send("b", { groupId: "b" });
  await finish();
  expect(sqs.accepted.map(({ entry }) => entry.MessageDeduplicationId)).toEqual([
    "mine",
    undefined,
  ]);
});

it("puts several messages of a group into a batch when told to, in order", async () => {
  const { clock, sqs, producer, finish } = createBench({ ...fifo, batch: { maxPerGroup: 4 } });
  sqs.request = (_, nth) => (nth === 1 ? connectionError() : "answer");
  for (let i = 0; i < 6; i += 1) void producer.send(`a${i}`, { groupId: "a" });
  void producer.send("b0", { groupId: "b" });
  await clock.advanceUntil(() => producer.stats().pending === 0);
  expect(sqs.batches).toEqual([
    ["a0", "a1", "a2", "a3", "b0"],
    ["a0", "a1", "a2", "a3", "b0"],
    ["a4", "a5"],
  ]);
  await finish();
});
