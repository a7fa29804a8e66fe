import { SqsService, startLocalSqs } from "@millrace/local-sqs";
import { HttpSqs } from "millrace";
import { seededRandom, VirtualClock } from "millrace/testing";
import { expect, it } from "vitest";
import { rejection } from "./bench.ts";

const dayMs = 86_400_000;
const rounds = 2_000;
const characters = ["a", "Z", "0", "{", '"', "\\", "\n", "é", "😀", " ", "%2F", "&="];

it(
  "signs what a server that verifies takes, over thousands of requests and midnights",
  { timeout: 60_000 },
  async () => {
    const random = seededRandom(11);
    const below = (limit: number): number => Math.floor(random() * limit);
    const text = (length: number): string =>
      Array.from({ length }, () => characters[below(characters.length)]).join("");
    const identities = Array.from({ length: 4 }, (_, index) => ({
      accessKeyId: `AKID${index}`,
      secretAccessKey: `${below(1e9)}/+${index}`,
      ...(index % 2 === 0 && { sessionToken: `token+/=${below(1e9)}` }),
    }));
    const clock = new VirtualClock(Date.UTC(2026, 1, 27, 22));
    await using server = await startLocalSqs({
      port: 0,
      queues: ["jobs"],
      credentials: identities,
      service: new SqsService({ clock }),
    });
    const { endpoint } = server;
    const QueueUrl = server.queueUrl("jobs");
    const clients = identities.map(
      (credentials) =>
        new HttpSqs({ endpoint, region: "us-east-1", credentials, clock, maxAttempts: 1 }),
    );
    const answered = { SendMessage: 0, SendMessageBatch: 0, ReceiveMessage: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const client = clients[below(clients.length)];
      const MessageBody = `x${text(below(60))}`;
      switch (below(3)) {
        case 0:
          await client?.call("SendMessage", { QueueUrl, MessageBody });
          answered.SendMessage += 1;
          break;
        case 1: {
          const Entries = Array.from({ length: 1 + below(10) }, (_, index) => ({
            Id: String(index),
            MessageBody,
          }));
          await client?.call("SendMessageBatch", { QueueUrl, Entries });
          answered.SendMessageBatch += 1;
          break;
        }
        default:
          await client?.call("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10 });
          answered.ReceiveMessage += 1;
      }
      // Some 40 days in all: keys change, and requests come just before and after midnight.
      await clock.advance(below((40 * dayMs * 2) / rounds));
    }
    for (const count of Object.values(answered)) expect(count).toBeGreaterThan(rounds / 4);

    const credentials = { accessKeyId: "AKID1", secretAccessKey: "another" };
    const stranger = new HttpSqs({ endpoint, region: "us-east-1", credentials, clock });
    const refusal = await rejection(stranger.call("ReceiveMessage", { QueueUrl }));
    expect(refusal).toMatchObject({ errorName: "InvalidSignatureException" });
    for (const client of [...clients, stranger]) await client.close();
  },
);
