import { describe, expect, it, vi } from "vitest";
import { abortableOf, BoundedCallOptions, CallAbort, signalOf } from "../../src/sqs/call-abort.ts";

describe("CallAbort", () => {
  it("tells its listener and its signal, once, and keeps the first reason", () => {
    const abort = new CallAbort();
    const { signal } = abort;
    const listener = vi.fn();
    abort.addEventListener("abort", listener);
    abort.abort("first");
    abort.abort("second");
    expect(listener).toHaveBeenCalledTimes(1);
    expect([abort.aborted, abort.reason, signal.aborted, signal.reason]).toEqual([
      true,
      "first",
      true,
      "first",
    ]);
    expect(() => abort.throwIfAborted()).toThrow("first");
  });

  it("has a signal that has aborted when it is asked for afterwards", () => {
    const abort = new CallAbort();
    abort.abort("over");
    expect([abort.signal.aborted, abort.signal.reason]).toEqual([true, "over"]);
  });

  it("tells nobody who has stopped listening", () => {
    const abort = new CallAbort();
    const [gone, stays] = [vi.fn(), vi.fn()];
    abort.addEventListener("abort", gone);
    abort.removeEventListener("abort", gone);
    abort.addEventListener("abort", stays);
    abort.removeEventListener("abort", gone);
    abort.abort("over");
    expect([gone, stays].map(({ mock }) => mock.calls.length)).toEqual([0, 1]);
  });
});

describe("options of a bounded call", () => {
  it("are aborted as they are by our own client, and have an AbortSignal for others", () => {
    const options = new BoundedCallOptions();
    expect(abortableOf(options)).toBe(options.abort);
    expect(signalOf(options.abort)).toBe(options.signal);
    expect(options.signal).toBeInstanceOf(AbortSignal);
  });

  it("of anybody else are aborted by their signal", () => {
    const { signal } = new AbortController();
    expect([abortableOf({ signal }), abortableOf({}), signalOf(signal)]).toEqual([
      signal,
      undefined,
      signal,
    ]);
  });
});
