/**
 * Random calls against a queue and against a model of it that is slow and plain: one list, scanned for
 * every question. A failure names the seed that shows it.
 */
import { seededRandom, VirtualClock } from "millrace/testing";
import { SqsService } from "@millrace/local-sqs";
import { expect, it } from "vitest";

interface Modelled {
  readonly body: string;
  readonly group: string;
  readonly sentAt: number;
  /** When it is visible; in the past for what is visible now. */
  visibleAt: number;
  inFlight: boolean;
  receives: number;
  handle: string;
}

const visibilityMs = 30_000;
const retentionMs = 120_000;
const maxReceives = 4;
/** Enough for the faults that were tried; a longer walk is a matter of this number. */
const seeds = 8;

class Model {
  readonly fifo: boolean;
  messages: Modelled[] = [];
  dead: string[] = [];

  constructor(fifo: boolean) {
    this.fifo = fifo;
  }

  pass(now: number): void {
    for (const message of this.messages) {
      if (message.visibleAt <= now) message.inFlight = false;
    }
    this.messages = this.messages.filter(({ sentAt }) => sentAt + retentionMs > now);
  }

  counts(now: number): number[] {
    const inFlight = this.messages.filter((message) => message.inFlight).length;
    const delayed = this.messages.filter(
      (message) => !message.inFlight && message.visibleAt > now,
    ).length;
    return [this.messages.length - inFlight - delayed, inFlight, delayed];
  }

  /** What may be received: all that is visible, on FIFO queues each group up to the first that is not. */
  receivable(now: number): Modelled[] {
    const closed = new Set(
      this.fifo ? this.messages.filter(({ inFlight }) => inFlight).map(({ group }) => group) : [],
    );
    return this.messages.filter((message) => {
      const visible = !message.inFlight && message.visibleAt <= now;
      if (this.fifo && !visible) closed.add(message.group);
      return visible && !closed.has(message.group);
    });
  }
}

function succeeds(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => true,
    () => false,
  );
}

async function walk(seed: number, fifo: boolean): Promise<void> {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const clock = new VirtualClock();
  const service = new SqsService({ clock, random, reorder: !fifo && seed % 2 === 0 });
  const suffix = fifo ? ".fifo" : "";
  const kind: Record<string, string> = fifo ? { FifoQueue: "true" } : {};
  const create = async (name: string, attributes: Record<string, string>): Promise<string> =>
    (await service.call("CreateQueue", { QueueName: `${name}${suffix}`, Attributes: attributes }))
      .QueueUrl ?? "";
  const dead = await create("dead", kind);
  const url = await create("orders", {
    ...kind,
    VisibilityTimeout: String(visibilityMs / 1000),
    MessageRetentionPeriod: String(retentionMs / 1000),
    RedrivePolicy: JSON.stringify({
      deadLetterTargetArn: `arn:aws:sqs:us-east-1:000000000000:dead${suffix}`,
      maxReceiveCount: maxReceives,
    }),
  });
  const model = new Model(fifo);
  const handles: { readonly handle: string; readonly body: string }[] = [];
  const now = (): number => clock.monotonicMs();

  const send = async (step: number): Promise<void> => {
    const delay = fifo || random() < 0.7 ? 0 : below(20);
    const group = `g${below(4)}`;
    const body = `${step}`;
    await service.call("SendMessage", {
      QueueUrl: url,
      MessageBody: body,
      MessageGroupId: group,
      ...(fifo ? { MessageDeduplicationId: body } : { DelaySeconds: delay }),
    });
    model.messages.push({
      body,
      group,
      sentAt: now(),
      visibleAt: now() + delay * 1000,
      inFlight: false,
      receives: 0,
      handle: "",
    });
  };

  const receive = async (): Promise<void> => {
    const max = 1 + below(10);
    const answer = await service.call("ReceiveMessage", {
      QueueUrl: url,
      MaxNumberOfMessages: max,
    });
    const received = answer.Messages ?? [];
    let may = model.receivable(now());
    const left = await service.call("ReceiveMessage", { QueueUrl: dead, MaxNumberOfMessages: 10 });
    for (const { Body: body = "", ReceiptHandle: handle = "" } of left.Messages ?? []) {
      const failed = may.find((message) => message.body === body);
      expect(failed?.receives, `${body} was moved`).toBe(maxReceives);
      model.dead.push(body);
      model.messages = model.messages.filter((message) => message !== failed);
      await service.call("DeleteMessage", { QueueUrl: dead, ReceiptHandle: handle });
    }
    // On a FIFO queue what is gone may have been first of its group.
    may = model.receivable(now());
    for (const { Body: body = "", ReceiptHandle: handle = "" } of received) {
      const message = may.find((each) => each.body === body);
      expect(message, `${body} may be received`).toBeDefined();
      if (message === undefined) continue;
      expect(message.receives).toBeLessThan(maxReceives);
      const first = may.find(({ group }) => group === message.group);
      expect(fifo ? first : message).toBe(message);
      may = may.filter((each) => each !== message);
      Object.assign(message, {
        inFlight: true,
        visibleAt: now() + visibilityMs,
        receives: message.receives + 1,
        handle,
      });
      handles.push({ handle, body });
    }
    expect(received.length < max ? may : []).toEqual([]);
  };

  const remove = async (): Promise<void> => {
    const picked = handles[below(handles.length)];
    if (picked === undefined) return;
    const message = model.messages.find(({ handle }) => handle === picked.handle);
    const there = model.messages.some(({ body }) => body === picked.body);
    const answered = await succeeds(
      service.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: picked.handle }),
    );
    expect(answered).toBe(!fifo || message?.inFlight === true || !there);
    if (answered) model.messages = model.messages.filter((each) => each !== message);
  };

  const change = async (): Promise<void> => {
    const picked = handles[below(handles.length)];
    if (picked === undefined) return;
    const seconds = random() < 0.3 ? 0 : below(60);
    const message = model.messages.find(({ handle }) => handle === picked.handle);
    const answered = await succeeds(
      service.call("ChangeMessageVisibility", {
        QueueUrl: url,
        ReceiptHandle: picked.handle,
        VisibilityTimeout: seconds,
      }),
    );
    expect(answered).toBe(message?.inFlight === true);
    if (answered && message !== undefined) message.visibleAt = now() + seconds * 1000;
  };

  for (let step = 0; step < 300; step += 1) {
    const dice = random();
    if (dice < 0.35) await send(step);
    else if (dice < 0.55) await receive();
    else if (dice < 0.7) await remove();
    else if (dice < 0.85) await change();
    else await clock.advance(below(15_000));
    model.pass(now());
    const { Attributes: attributes } = await service.call("GetQueueAttributes", {
      QueueUrl: url,
      AttributeNames: ["All"],
    });
    const counts = ["", "NotVisible", "Delayed"].map((state) =>
      Number(attributes?.[`ApproximateNumberOfMessages${state}`]),
    );
    expect(counts, `at step ${step}`).toEqual(model.counts(now()));
  }
  service.close();
  expect(clock.pendingTimers).toBe(0);
}

it.each([
  ["standard", false],
  ["FIFO", true],
])(
  "a %s queue does what a plain list would do",
  async (_kind, fifo) => {
    for (let seed = 1; seed <= seeds; seed += 1) {
      await walk(seed, fifo).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
    }
  },
  30_000,
);
