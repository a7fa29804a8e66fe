/** How tenants of a standard queue get along. */
import { describe, expect, it } from "vitest";
import type { OpenBench } from "../bench.ts";
import { useBench } from "./driver.ts";

export function fairQueuesSuite(open: OpenBench): void {
  describe("fair queues", () => {
    const sqs = useBench(open);

    const sendMany = async (
      url: string,
      tenant: string | undefined,
      count: number,
    ): Promise<void> => {
      for (let sent = 0; sent < count; sent += 10) {
        await sqs.api.call("SendMessageBatch", {
          QueueUrl: url,
          Entries: Array.from({ length: Math.min(10, count - sent) }, (_, index) => ({
            Id: `${index}`,
            MessageBody: tenant ?? "none",
            MessageGroupId: tenant,
          })),
        });
      }
    };
    const receiveMany = async (url: string, count: number): Promise<void> => {
      for (let taken = 0; taken < count; taken += 10) {
        await sqs.receive(url, {
          MaxNumberOfMessages: Math.min(10, count - taken),
          VisibilityTimeout: 3600,
        });
      }
    };

    it("let messages of one tenant run in parallel: a group does not block", async () => {
      const url = await sqs.queue();
      await sendMany(url, "a", 3);
      expect(await sqs.bodies(url, { MaxNumberOfMessages: 1 })).toEqual(["a"]);
      expect(await sqs.bodies(url)).toEqual(["a", "a"]);
    });

    it("keep the order of arrival while nobody is noisy", async () => {
      const url = await sqs.queue();
      for (const tenant of ["a", "b", undefined, "a", "c", undefined]) {
        await sendMany(url, tenant, 1);
      }
      expect(await sqs.bodies(url)).toEqual(["a", "b", "none", "a", "c", "none"]);
    });

    it("serve quiet tenants first when one has too much in flight", async () => {
      const url = await sqs.queue();
      await sendMany(url, "noisy", 100);
      await receiveMany(url, 30);
      await sendMany(url, "quiet", 2);
      await sendMany(url, undefined, 1);
      expect(await sqs.bodies(url, { MaxNumberOfMessages: 5 })).toEqual([
        "quiet",
        "quiet",
        "none",
        "noisy",
        "noisy",
      ]);
    });

    it("do not call a tenant noisy below 30 in flight", async () => {
      const url = await sqs.queue();
      await sendMany(url, "busy", 100);
      await receiveMany(url, 29);
      await sendMany(url, "quiet", 1);
      expect(await sqs.bodies(url, { MaxNumberOfMessages: 1 })).toEqual(["busy"]);
    });

    it("do not call a tenant noisy with a tenth of what is in flight", async () => {
      const url = await sqs.queue();
      await sendMany(url, undefined, 300);
      await receiveMany(url, 300);
      await sendMany(url, "busy", 100);
      await receiveMany(url, 33);
      await sendMany(url, "quiet", 1);
      expect(await sqs.bodies(url, { MaxNumberOfMessages: 1 })).toEqual(["busy"]);
      expect(await sqs.bodies(url, { MaxNumberOfMessages: 1 })).toEqual(["quiet"]);
    });

    it("serve the least noisy of the noisy first", async () => {
      const url = await sqs.queue();
      await sendMany(url, "louder", 60);
      await receiveMany(url, 50);
      await sendMany(url, "loud", 60);
      await receiveMany(url, 40);
      expect(await sqs.bodies(url, { MaxNumberOfMessages: 1 })).toEqual(["loud"]);
      await receiveMany(url, 9);
      const bodies = await sqs.bodies(url, { MaxNumberOfMessages: 4 });
      expect(bodies.toSorted()).toEqual(["loud", "loud", "louder", "louder"]);
    });

    it("call a tenant quiet again once its backlog is worked off", async () => {
      const url = await sqs.queue();
      await sendMany(url, "noisy", 31);
      await receiveMany(url, 31);
      await sendMany(url, "noisy", 1);
      await sendMany(url, "quiet", 1);
      expect(await sqs.bodies(url, { MaxNumberOfMessages: 1 })).toEqual(["noisy"]);
    });

    it("go on calling a tenant noisy that goes on sending", async () => {
      const url = await sqs.queue();
      await sendMany(url, "noisy", 60);
      await receiveMany(url, 30);
      await sqs.clock.advance(200_000);
      await sendMany(url, "noisy", 1);
      await sqs.clock.advance(299_999);
      await sendMany(url, "quiet", 1);
      expect(await sqs.bodies(url, { MaxNumberOfMessages: 1 })).toEqual(["quiet"]);
    });

    it("call a tenant quiet again once it has sent nothing for five minutes", async () => {
      const url = await sqs.queue();
      await sendMany(url, "noisy", 60);
      await receiveMany(url, 30);
      await sqs.clock.advance(299_999);
      await sendMany(url, "quiet", 2);
      expect(await sqs.bodies(url, { MaxNumberOfMessages: 1 })).toEqual(["quiet"]);
      await sqs.clock.advance(1);
      expect(await sqs.bodies(url, { MaxNumberOfMessages: 1 })).toEqual(["noisy"]);
    });
  });
}
