import { SqsService } from "@millrace/local-sqs";
import { Consumer, sleep } from "millrace";
import { VirtualClock } from "millrace/testing";
import { expect, it } from "vitest";
import { drain } from "../src/drain.ts";
import { InterruptedError } from "../src/interruption.ts";
import { Journal } from "../src/journal.ts";
import { Screen } from "../src/screen.ts";
import { Output } from "../src/testing/output.ts";

it.each([
  ["lets handlers go on for half a minute after Ctrl-C", "SIGINT", undefined, "30 s"],
  ["lets handlers go on for as long as it is told", "SIGINT", 10_000, "10 s"],
  ["gives up after a few seconds when nobody looks on any more", "SIGHUP", undefined, "3 s"],
  ["is not told to wait longer then", "SIGHUP", 10_000, "3 s"],
] as const)("%s", async (_, signal, deadlineMs, within) => {
  const clock = new VirtualClock();
  const sqs = new SqsService({ clock });
  const { QueueUrl = "" } = await sqs.call("CreateQueue", { QueueName: "jobs" });
  await sqs.call("SendMessage", { QueueUrl, MessageBody: "endless" });
  const consumer = new Consumer({
    queue: QueueUrl,
    sqs,
    clock,
    handle: (_message, context) => sleep(clock, 3_600_000, context.signal),
  });
  const started = consumer.start();
  await clock.advanceUntil(() => consumer.stats().running === 1);
  await started;

  const output = new Output();
  const screen = new Screen(output, clock);
  using journal = new Journal({ screen, verbose: false, clock });
  const interrupted = AbortSignal.abort(new InterruptedError(signal));
  let ended = false;
  const draining = drain({ consumer, journal, screen, signal: interrupted, deadlineMs }).then(
    () => (ended = true),
  );
  await clock.advanceUntil(() => ended);
  await draining;
  sqs.close();
  expect(output.text).toContain(`stopped within ${within}: finished 0, released 1\n`);
});
