/**
 * Owns what a test of HttpSqs needs: a server, a client, a virtual clock, and the check that nothing is left
 * of them. It never says what goes wrong.
 */
import { setImmediate } from "node:timers/promises";
import { HttpSqs } from "../../src/sqs/http-sqs.ts";
import type { HttpSqsOptions } from "../../src/sqs/http-sqs-options.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { FaultServer } from "./fault-server.ts";

export const credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI",
} as const;

/** Time at which benches begin: the real one, so that Date headers of node:http say the same. */
const epochMs = Math.floor(Date.now() / 1_000) * 1_000;

export class Bench implements AsyncDisposable {
  readonly server: FaultServer;
  readonly clock: VirtualClock;
  readonly sqs: HttpSqs;

  private constructor(server: FaultServer, options: HttpSqsOptions) {
    this.server = server;
    this.clock = new VirtualClock(epochMs);
    this.sqs = new HttpSqs({
      region: "us-east-1",
      endpoint: server.origin,
      credentials,
      random: () => 0.5,
      // Far beyond any pause between attempts, so that `drive` can tell them apart.
      requestTimeoutMs: deadlineMs,
      connectTimeoutMs: deadlineMs,
      clock: this.clock,
      ...options,
    });
  }

  static async open(options: HttpSqsOptions = {}): Promise<Bench> {
    return new Bench(await FaultServer.start(), options);
  }

  /** Passes the pauses between attempts, but no deadline, until the call has settled. */
  async drive<T>(call: Promise<T>): Promise<T> {
    const progress = { open: true };
    const end = (): void => {
      progress.open = false;
    };
    call.then(end, end);
    while (progress.open) {
      const next = this.clock.nextTimerMs();
      if (next !== undefined && next <= 20_000) await this.clock.advance(next);
      else await setImmediate();
    }
    return call;
  }

  /** Waits, at most as long as the test may take, until no connection and no timer is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.sqs.close();
    await this.server.connected(0);
    while (this.clock.pendingTimers > 0) await setImmediate();
    await this.server[Symbol.asyncDispose]();
  }
}

export const deadlineMs = 600_000;

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}
