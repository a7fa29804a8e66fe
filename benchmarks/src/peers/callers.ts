/**
 * Owns the callers of all that send: how many there are, and what they send. It never knows what they call.
 */
import { forEver } from "./loops.ts";
import type { PeerSetup } from "./peer.ts";

export const sentBody: string = JSON.stringify({
  reservation: 4_711,
  details: "seat 14A, train 731, Seoul to Busan, second class, window, no luggage. ".repeat(2),
});

/** As many as a request can hold. */
export const ten: readonly undefined[] = Array.from({ length: 10 }, () => undefined);

export function startCallers(
  { onDone }: PeerSetup,
  callers: number,
  messages: number,
  send: () => Promise<unknown>,
): Promise<void> {
  for (let caller = 0; caller < callers; caller += 1) {
    void forEver(async () => {
      await send();
      onDone(messages);
    });
  }
  return Promise.resolve();
}

export function queueOf({ queueUrls }: PeerSetup): string {
  const [queueUrl] = queueUrls;
  if (queueUrl === undefined) throw new Error("a producer needs a queue");
  return queueUrl;
}
