/**
 * SQS answers a batch with nonsense, or an SqsApi of the user's own does: no send resolves that was not
 * confirmed, none is lost, and none of them hangs.
 */
import type { SqsApi, SqsOperation } from "millrace";
import { Producer, SendFailedError } from "millrace";
import { VirtualClock } from "millrace/testing";
import { describe, expect, it } from "vitest";
import { standardUrl } from "./scripted-sqs.ts";

/** Answers the first calls with these, and all later ones as SQS does. */
class Nonsense implements SqsApi {
  calls = 0;
  readonly #answers: readonly unknown[];

  constructor(...answers: readonly unknown[]) {
    this.#answers = answers;
  }

  call(_: SqsOperation, input: object): Promise<never> {
    const answers = this.#answers;
    const nth = this.calls++;
    if (nth < answers.length) return Promise.resolve(answers[nth] as never);
    const { Entries } = input as { Entries: { Id: string; MessageBody: string }[] };
    const Successful = Entries.map(({ Id, MessageBody }) => ({
      Id,
      MessageId: `of ${MessageBody}`,
    }));
    return Promise.resolve({ Successful } as never);
  }
}

const answers: readonly unknown[] = [
  undefined,
  null,
  7,
  "sent",
  [],
  {},
  { Successful: "all" },
  { Successful: [null, 5, {}], Failed: [null] },
  { Successful: [{ Id: 0, MessageId: "a number for an Id" }] },
  { Successful: [{ Id: "7", MessageId: "of nobody" }] },
  { Successful: [{ Id: "0" }, { Id: "1", MessageId: 5 }] },
  { Failed: [{ Id: "0" }, { Id: "1", Code: 5, Message: {}, SenderFault: "true" }] },
  {
    Successful: [
      { Id: "0", MessageId: "both" },
      { Id: "1", MessageId: "both" },
    ],
    Failed: [{ Id: "0" }, { Id: "1" }],
  },
];

describe("a batch that is answered with nonsense", () => {
  it.each(answers.map((answer, nth) => ({ nth, answer })))(
    "is sent again ($nth), and its sends resolve with what SQS calls them",
    async ({ answer }) => {
      const clock = new VirtualClock();
      const sqs = new Nonsense(answer, answer);
      const producer = new Producer({ queue: standardUrl, sqs, clock, random: () => 0.5 });
      const sends = Promise.all([producer.send("a"), producer.send("b")]);
      await clock.advanceUntil(() => producer.stats().pending === 0, 60_000);
      expect(await sends).toEqual([{ messageId: "of a" }, { messageId: "of b" }]);
      expect(sqs.calls).toBe(3);
      await producer.close();
      expect(clock.pendingTimers).toBe(0);
    },
  );

  it.each(answers.map((answer, nth) => ({ nth, answer })))(
    "is given up in the end ($nth), with an error that can be read",
    async ({ answer }) => {
      const clock = new VirtualClock();
      const sqs = new Nonsense(...Array.from({ length: 1_000 }, () => answer));
      const producer = new Producer({ queue: standardUrl, sqs, clock, random: () => 0.5 });
      const error = producer.send("a").catch((thrown: unknown) => thrown);
      await clock.advanceUntil(() => producer.stats().pending === 0, 120_000);
      expect(await error).toBeInstanceOf(SendFailedError);
      expect(await error).toMatchObject({
        cause: { code: expect.stringMatching(/^SQS_(?:BAD_RESPONSE|SERVICE_ERROR)$/) },
      });
      expect(String(await error)).toMatch(/gave up after \d+ attempts in \d+ ms: .{10,200}$/);
      expect(sqs.calls).toBeLessThan(60);
      await producer.close();
    },
  );

  it("resolves the entries that are confirmed, and sends the others alone", async () => {
    const clock = new VirtualClock();
    const sqs = new Nonsense({
      Successful: [
        { Id: "2", MessageId: "third" },
        { Id: "2", MessageId: "third" },
        { Id: "0", MessageId: "first", SequenceNumber: 5 },
        { Id: "11", MessageId: "nobody" },
      ],
    });
    const producer = new Producer({ queue: standardUrl, sqs, clock });
    const sends = Promise.all(["a", "b", "c"].map((body) => producer.send(body)));
    await clock.advanceUntil(() => producer.stats().pending === 0, 60_000);
    const ids = (await sends).map(({ messageId }) => messageId);
    expect(ids).toEqual(["first", "of b", "third"]);
    expect((await sends)[0]?.sequenceNumber).toBeUndefined();
    await producer.close();
  });
});

it("a look-up that is answered with nonsense is made again before the next batch", async () => {
  const clock = new VirtualClock();
  const sqs = new Nonsense(
    undefined,
    { QueueUrl: 5 },
    { QueueUrl: "ftp://x/orders" },
    {
      QueueUrl: standardUrl,
    },
  );
  const producer = new Producer({ queue: "orders", sqs, clock });
  const send = producer.send("a");
  await clock.advanceUntil(() => producer.stats().pending === 0, 60_000);
  expect(await send).toEqual({ messageId: "of a" });
  await producer.close();
});
