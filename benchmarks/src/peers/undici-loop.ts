/**
 * Owns the floors over bare HTTP, without a signature. They never look at anything but the body of an answer.
 */
import { Pool } from "undici";
import { queueOf, sentBody, startCallers, ten } from "./callers.ts";
import { startLoops } from "./loops.ts";
import type { PeerSetup } from "./peer.ts";

export function startUndiciLoop(setup: PeerSetup): Promise<void> {
  const call = bareCall(setup.origin);
  return startLoops(setup, {
    receive: (input) => call("ReceiveMessage", input),
    remove: (input) => call("DeleteMessageBatch", input),
  });
}

export function startUndiciSends(setup: PeerSetup): Promise<void> {
  const QueueUrl = queueOf(setup);
  const call = bareCall(setup.origin);
  return startCallers(setup, setup.slots / 10, 10, () => {
    const Entries = ten.map((_, index) => ({ Id: String(index), MessageBody: sentBody }));
    return call("SendMessageBatch", { QueueUrl, Entries });
  });
}

function bareCall(origin: string): <T>(operation: string, input: object) => Promise<T> {
  const pool = new Pool(origin, { connections: 500, headersTimeout: 0, bodyTimeout: 0 });
  return async <T>(operation: string, input: object): Promise<T> => {
    const { body } = await pool.request({
      path: "/",
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": `AmazonSQS.${operation}`,
      },
      body: JSON.stringify(input),
    });
    const answer: T = JSON.parse(await body.text());
    return answer;
  };
}
