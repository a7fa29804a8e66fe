import { expect, it } from "vitest";
import { Bench, bodies, only } from "./bench.ts";

it("hands each message to the handler and deletes it", async () => {
  const bench = await Bench.open();
  await bench.send("a", "b", "c");
  const handled: string[] = [];
  const { consumer, told } = bench.consumer({
    handle: (message) => {
      handled.push(message.body);
    },
  });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3);
  expect(handled.toSorted()).toEqual(["a", "b", "c"]);
  expect(bodies(only(told, "acknowledged"))).toHaveLength(3);
  expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  expect(consumer.health()).toMatchObject({ status: "healthy" });
});

it("takes 0.2 requests a message while the backlog is deep", async () => {
  const bench = await Bench.open();
  for (let sent = 0; sent < 1_000; sent += 1) await bench.send(`job ${sent}`);
  const { consumer } = bench.consumer({ handle: () => {} });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1_000);
  const { ReceiveMessage = 0, DeleteMessageBatch = 0 } = consumer.stats().requests;
  expect(ReceiveMessage + DeleteMessageBatch).toBeLessThanOrEqual(210);
});
