import { describe, expect, it } from "vitest";
import { Credentials } from "../../src/sqs/credentials.ts";
import type { AwsCredentials } from "../../src/sqs/credentials.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { rejection } from "./bench.ts";

const minute = 60_000;
const hour = 60 * minute;

/** A provider of credentials that last an hour each, and count up. */
class Hourly {
  readonly clock = new VirtualClock();
  /** One entry a call: whether it was forced. */
  readonly calls: boolean[] = [];
  fault: Error | undefined;
  /** What its answers wait for. */
  hanging: Promise<void> | undefined;
  lifetimeMs: number | undefined = hour;
  readonly credentials: Credentials;

  constructor() {
    this.credentials = new Credentials((options) => this.#provide(options), this.clock);
  }

  async #provide(options: { readonly forceRefresh?: boolean } = {}): Promise<AwsCredentials> {
    this.calls.push(options.forceRefresh === true);
    const serial = this.calls.length;
    await Promise.resolve();
    if (this.fault !== undefined) throw this.fault;
    if (this.hanging !== undefined) await this.hanging;
    return {
      accessKeyId: `key-${serial}`,
      secretAccessKey: "s",
      ...(this.lifetimeMs !== undefined && {
        expiration: new Date(this.clock.now() + this.lifetimeMs),
      }),
    };
  }

  /** Until what it returns is called, the provider does not answer. */
  hang(): () => void {
    let answer = (): void => {};
    this.hanging = new Promise((resolve) => {
      answer = resolve;
    });
    return () => answer();
  }

  async key(): Promise<string> {
    return (await this.credentials.get()).accessKeyId;
  }
}

describe("Credentials", () => {
  it("asks the provider once for all who wait", async () => {
    const hourly = new Hourly();
    const keys = await Promise.all(Array.from({ length: 100 }, () => hourly.key()));
    expect(new Set(keys)).toEqual(new Set(["key-1"]));
    expect(hourly.calls).toEqual([false]);
    expect(hourly.credentials.peek()?.accessKeyId).toBe("key-1");
  });

  it("keeps credentials without an end for good", async () => {
    const hourly = new Hourly();
    hourly.lifetimeMs = undefined;
    await hourly.key();
    await hourly.clock.advance(1_000 * 24 * hour);
    expect(await hourly.key()).toBe("key-1");
  });

  it("renews five minutes before the end, while calls go on with what there is", async () => {
    const hourly = new Hourly();
    await hourly.key();
    await hourly.clock.advance(hour - 5 * minute - 1);
    expect(hourly.credentials.peek()?.accessKeyId).toBe("key-1");
    expect(hourly.calls).toHaveLength(1);
    await hourly.clock.advance(1);
    expect(hourly.credentials.peek()?.accessKeyId).toBe("key-1");
    await hourly.clock.settle();
    expect(hourly.credentials.peek()?.accessKeyId).toBe("key-2");
    expect(hourly.calls).toHaveLength(2);
  });

  it("waits for new ones when less than a minute is left", async () => {
    const hourly = new Hourly();
    await hourly.key();
    await hourly.clock.advance(hour - minute);
    expect(hourly.credentials.peek()).toBeUndefined();
    expect(await hourly.key()).toBe("key-2");
  });

  it("goes on with what there is while the provider fails, asks it now and then, and fails at the end", async () => {
    const hourly = new Hourly();
    await hourly.key();
    hourly.fault = new Error("no metadata service");
    await hourly.clock.advance(hour - 5 * minute);
    for (let second = 0; second < 5 * 60; second++) {
      expect(await hourly.key()).toBe("key-1");
      await hourly.clock.advance(1_000);
    }
    // Every 30 seconds of the last five minutes.
    expect(hourly.calls.length - 1).toBe(10);
    expect(await rejection(hourly.key())).toBe(hourly.fault);
    hourly.fault = undefined;
    await hourly.clock.advance(1_000);
    expect(await hourly.key()).toMatch(/^key-/);
  });

  it("gives all calls of a second the error that the provider failed with, and asks again after it", async () => {
    const hourly = new Hourly();
    hourly.fault = new Error("no metadata service");
    for (let call = 0; call < 5; call++) {
      expect(await rejection(hourly.key())).toBe(hourly.fault);
    }
    await hourly.clock.advance(999);
    expect(await rejection(hourly.key())).toBe(hourly.fault);
    expect(hourly.calls).toHaveLength(1);
    hourly.fault = undefined;
    await hourly.clock.advance(1);
    expect(await hourly.key()).toBe("key-2");
  });

  it("gives up a provider that does not answer, and asks it anew", async () => {
    const hourly = new Hourly();
    hourly.hang();
    const call = rejection(hourly.key());
    await hourly.clock.advance(25_000);
    expect(String(await call)).toContain("provider of AWS credentials");
    hourly.hanging = undefined;
    await hourly.clock.advance(1_000);
    expect(await hourly.key()).toBe("key-2");
    expect(hourly.clock.pendingTimers).toBe(0);
  });

  it("goes on with what there is while the provider hangs, and asks it now and then", async () => {
    const hourly = new Hourly();
    await hourly.key();
    hourly.hang();
    await hourly.clock.advance(hour - 5 * minute);
    for (let second = 0; second < 4 * 60; second++) {
      expect(hourly.credentials.peek()?.accessKeyId).toBe("key-1");
      await hourly.clock.advance(1_000);
    }
    // Every 30 seconds, after 5 in which there was no answer.
    expect(hourly.calls.length - 1).toBe(7);
    hourly.hanging = undefined;
    await hourly.clock.advance(30_000);
    expect(await hourly.key()).toBe("key-9");
  });

  it("waits for a provider that hangs five seconds, when there is a minute left", async () => {
    const hourly = new Hourly();
    await hourly.key();
    hourly.hang();
    await hourly.clock.advance(hour - minute);
    const call = hourly.key();
    await hourly.clock.advance(4_999);
    expect(hourly.clock.pendingTimers).toBe(1);
    await hourly.clock.advance(1);
    expect(await call).toBe("key-1");
    expect(await hourly.key()).toBe("key-1");
    expect(hourly.calls).toHaveLength(2);
  });

  it("takes what a provider says late", async () => {
    const hourly = new Hourly();
    const answer = hourly.hang();
    const call = rejection(hourly.key());
    await hourly.clock.advance(25_000);
    await call;
    answer();
    await hourly.clock.settle();
    expect(await hourly.key()).toBe("key-1");
    expect(hourly.calls).toHaveLength(1);
  });

  it("does not take what a provider says late when it was asked and has answered since", async () => {
    const hourly = new Hourly();
    const answer = hourly.hang();
    const call = rejection(hourly.key());
    await hourly.clock.advance(25_000);
    await call;
    hourly.hanging = undefined;
    await hourly.clock.advance(1_000);
    expect(await hourly.key()).toBe("key-2");
    answer();
    await hourly.clock.settle();
    expect(await hourly.key()).toBe("key-2");
  });

  it("forces new ones though a fetch is under way that hangs", async () => {
    const hourly = new Hourly();
    const refused = await hourly.credentials.get();
    hourly.hang();
    await hourly.clock.advance(hour - 5 * minute);
    hourly.credentials.peek();
    await hourly.clock.settle();
    hourly.hanging = undefined;
    const renewed = hourly.credentials.renew(refused);
    await hourly.clock.advance(5_000);
    expect(await renewed).toBe(true);
    expect(hourly.calls).toEqual([false, false, true]);
  });

  it("does not ask at every call a provider whose credentials are always about to end", async () => {
    const hourly = new Hourly();
    hourly.lifetimeMs = 1_000;
    for (let second = 0; second < 60; second++) {
      await hourly.key();
      await hourly.clock.advance(1_000);
    }
    expect(hourly.calls).toHaveLength(2);
  });

  it("forces new ones once for all whose credentials were refused", async () => {
    const hourly = new Hourly();
    const refused = await hourly.credentials.get();
    const renewed = await Promise.all(
      Array.from({ length: 10 }, () => hourly.credentials.renew(refused)),
    );
    expect(new Set(renewed)).toEqual(new Set([true]));
    expect(hourly.calls).toEqual([false, true]);
    expect(await hourly.credentials.renew(refused)).toBe(true);
    expect(hourly.calls).toHaveLength(2);
  });

  it("forces new ones though a fetch is under way, which a cache may answer", async () => {
    const clock = new VirtualClock();
    const calls: boolean[] = [];
    const credentials = new Credentials(({ forceRefresh = false } = {}) => {
      calls.push(forceRefresh);
      return Promise.resolve({
        accessKeyId: forceRefresh ? "fresh" : "cached",
        secretAccessKey: "s",
        expiration: new Date(clock.now() + minute),
      });
    }, clock);
    const refused = await credentials.get();
    await clock.advance(30_000);
    const other = credentials.get();
    expect(await credentials.renew(refused)).toBe(true);
    expect((await credentials.get()).accessKeyId).toBe("fresh");
    expect((await other).accessKeyId).toBe("cached");
    expect(calls).toEqual([false, false, true]);
  });

  it("says when there are no others than those refused", async () => {
    const credentials = new Credentials(
      { accessKeyId: "A", secretAccessKey: "s" },
      new VirtualClock(),
    );
    expect(await credentials.renew(await credentials.get())).toBe(false);
  });

  it("gives the same object for the same credentials, by which signing keys are kept", async () => {
    const clock = new VirtualClock();
    const credentials = new Credentials(
      () =>
        Promise.resolve({
          accessKeyId: "A",
          secretAccessKey: "s",
          expiration: new Date(clock.now() + hour),
        }),
      clock,
    );
    const first = await credentials.get();
    await clock.advance(2 * hour);
    expect(await credentials.get()).toBe(first);
  });
});
