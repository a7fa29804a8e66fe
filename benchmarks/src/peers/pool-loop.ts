/**
 * Owns the floor of the database: rows as fast as the pool takes them, with no queue around. The rows are those
 * that all peers insert.
 */
import { messageBody } from "../endpoint/canned-message.ts";
import { forEver } from "./loops.ts";
import type { PeerSetup } from "./peer.ts";

export function startPoolLoop({ slots, handle }: PeerSetup): Promise<void> {
  let number = 0;
  for (let loop = 0; loop < slots; loop += 1) {
    void forEver(async () => {
      number += 1;
      await handle(messageBody({ number, sentNs: process.hrtime.bigint() }));
    });
  }
  return Promise.resolve();
}
