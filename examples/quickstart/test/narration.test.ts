import { SqsService } from "@millrace/local-sqs";
import { Consumer } from "millrace";
import type { Handler } from "millrace";
import { VirtualClock } from "millrace/testing";
import { afterEach, expect, it } from "vitest";
import { Journal } from "programs";
import { Narration } from "../src/narration.ts";
import { Screen } from "programs";
import { Output } from "programs/testing";

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

/** A consumer that works in virtual time, and what is told of it. */
async function setUp(handle: Handler<string>): Promise<{
  clock: VirtualClock;
  output: Output;
  send: (body: string) => Promise<unknown>;
}> {
  const clock = new VirtualClock();
  const output = new Output();
  const random = (): number => 0.5;
  const sqs = new SqsService({ clock, random });
  const { QueueUrl = "" } = await sqs.call("CreateQueue", { QueueName: "queue" });
  const retry = (): number => 2;
  const consumer = new Consumer({ queue: QueueUrl, handle, retry, sqs, clock, random });
  const journal = new Journal({ screen: new Screen(output, clock), verbose: false, clock });
  const narration = new Narration({ consumer, journal, clock });
  narration.begin();
  const started = consumer.start();
  await clock.advance(0);
  await started;
  cleanUps.push(async () => {
    const stopped = consumer.stop();
    await clock.advance(30_000);
    await stopped;
    narration[Symbol.dispose]();
    journal.flush();
    sqs.close();
    expect(clock.pendingTimers).toBe(0);
  });
  const send = (body: string): Promise<unknown> =>
    sqs.call("SendMessage", { QueueUrl, MessageBody: body });
  return { clock, output, send };
}

it("says that it is idle, once, and that 20 s have brought nothing", async () => {
  const { clock, output } = await setUp(() => {});
  await clock.advance(45_000);
  expect(output.lines).toEqual([
    "receiver    idle: the queue is empty, long-polling for 20 s at a time",
    "receiver    nothing for 20 s, polling again",
    "receiver    nothing for 20 s, polling again",
  ]);
});

it("says what came, who worked on it and for how long", async () => {
  const { clock, output, send } = await setUp(async () => {
    await new Promise<void>((resolve) => void clock.setTimer(resolve, 1_234));
  });
  await send("hello world 1");
  await clock.advance(1_300);
  expect(output.lines).toEqual([
    "receiver    received 1 message",
    "worker 1    started   hello world 1",
    "worker 1    finished  hello world 1 in 1.2 s",
  ]);
  output.text = "";
  await clock.advance(1_500);
  expect(output.lines).toEqual([
    "receiver    idle: the queue is empty, long-polling for 20 s at a time",
  ]);
});

it("says why a message comes again, when, and that it has", async () => {
  const { clock, output, send } = await setUp((message) => {
    if (message.receiveCount === 1) throw new Error("out of\npaper");
  });
  await send("hello world 1");
  await clock.advance(2_100);
  expect(output.lines).toEqual([
    "receiver    received 1 message",
    "worker 1    started   hello world 1",
    "retry       hello world 1 comes again in 2 s: out of paper",
    "receiver    idle: the queue is empty, long-polling for 20 s at a time",
    "receiver    received 1 message",
    "worker 2    started   hello world 1 (receive 2)",
    "worker 2    finished  hello world 1 in 0 ms",
  ]);
});
