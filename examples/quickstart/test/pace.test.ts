import { VirtualClock } from "millrace/testing";
import { expect, it } from "vitest";
import { paced } from "../src/pace.ts";
import type { Due, PaceOptions } from "../src/pace.ts";

type DueAt = Due & { readonly atMs: number };

/** What is due when, if everything due is sent in no time. */
async function schedule(
  clock: VirtualClock,
  options: Omit<PaceOptions, "signal">,
): Promise<DueAt[]> {
  const dues: DueAt[] = [];
  let over = false;
  const all = (async () => {
    const { signal } = new AbortController();
    for await (const due of paced({ ...options, signal, clock })) {
      dues.push({ ...due, atMs: clock.monotonicMs() });
    }
    over = true;
  })();
  await clock.advanceUntil(() => over);
  await all;
  expect(clock.pendingTimers).toBe(0);
  return dues;
}

it("sends one a second from the first moment on", async () => {
  expect(await schedule(new VirtualClock(), { rate: 1, count: 3 })).toEqual([
    { first: 1, last: 1, atMs: 0 },
    { first: 2, last: 2, atMs: 1_000 },
    { first: 3, last: 3, atMs: 2_000 },
  ]);
});

it("takes fractions for a rate", async () => {
  const dues = await schedule(new VirtualClock(), { rate: 0.5, count: 2 });
  expect(dues.map(({ atMs }) => atMs)).toEqual([0, 2_000]);
});

it("fills requests at a high rate, and keeps it", async () => {
  const dues = await schedule(new VirtualClock(), { rate: 1_000, count: 995 });
  expect(dues).toHaveLength(100);
  expect(dues.slice(0, -1).every(({ first, last }) => last - first === 9)).toBe(true);
  expect(dues.at(-1)).toEqual({ first: 991, last: 995, atMs: 994 });
});

it("makes up for a delay in whole requests, of which the last may have to wait", async () => {
  const clock = new VirtualClock();
  const { signal } = new AbortController();
  const numbers = paced({ rate: 1_000, signal, clock });
  const next = async (): Promise<Due> => {
    const { value } = await numbers.next();
    if (value === undefined) throw new Error("there is no end");
    return value;
  };
  const first = next();
  await clock.advance(9);
  expect(await first).toEqual({ first: 1, last: 10 });
  // What was due was sent 35 ms late.
  await clock.advance(44);
  expect(await next()).toEqual({ first: 11, last: 50 });
  await clock.advance(10_000);
  expect(await next()).toEqual({ first: 51, last: 250 });
});

it("ends with the signal's reason while it waits", async () => {
  const clock = new VirtualClock();
  const abort = new AbortController();
  const numbers = paced({ rate: 1, signal: abort.signal, clock });
  await numbers.next();
  const second = numbers.next();
  const reason = new Error("enough");
  abort.abort(reason);
  await expect(second).rejects.toBe(reason);
  expect(clock.pendingTimers).toBe(0);
});
