/**
 * What a relay says about itself: health, and the events of its changes.
 */
import { systemClock } from "millrace";
import type { OutboxRelay } from "millrace/postgres";
import { expect, it } from "vitest";
import { backends, kill, until, useBench } from "./bench.ts";
import { events, OutboxBench } from "./outbox-bench.ts";

const bench = useBench();

/** The statuses that it goes through, from now on. */
function statuses(relay: OutboxRelay): string[] {
  const seen: string[] = [];
  relay.on("stateChanged", ({ from, to }) => seen.push(`${from} > ${to}`));
  return seen;
}

it("is starting, healthy and stopped, in the course of a life", async () => {
  const b = await OutboxBench.open(bench);
  const relay = b.relay();
  const seen = statuses(relay);
  expect(relay.health()).toEqual({ status: "stopped" });
  const started = relay.start();
  expect(relay.health()).toEqual({ status: "starting" });
  await started;
  expect(relay.health()).toEqual({ status: "healthy", lastRoundAt: expect.any(Date) });
  await relay.stop();
  expect(relay.health()).toMatchObject({ status: "stopped" });
  expect(seen).toEqual(["stopped > starting", "starting > healthy", "healthy > stopped"]);
});

it("is stopped when the start fails", async () => {
  const b = await OutboxBench.open(bench);
  const relay = b.relay({ table: "nowhere" });
  await expect(relay.start()).rejects.toMatchObject({ code: "STATEMENT_FAILED" });
  expect(relay.health()).toEqual({ status: "stopped" });
});

it("is degraded while a queue cannot be sent to, and failing when nothing was sent for a minute", async () => {
  const b = await OutboxBench.open(bench);
  let skewMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + skewMs };
  const relay = b.relay({ clock });
  await relay.start();
  const seen = statuses(relay);
  const failed = events(relay, "failed");
  await b.store("late", ["a"]);
  await failed;
  await until(async () => (relay.health().status === "degraded" ? true : undefined));
  expect(relay.health().reason).toContain("does not exist");
  skewMs = 60_000;
  expect(relay.health().status).toBe("failing");
  await b.queue("late");
  await b.pool.query("UPDATE millrace_outbox SET due_at = now()");
  await until(async () => (relay.health().status === "healthy" ? true : undefined));
  expect(seen.at(-1)).toMatch(/> healthy$/);
});

it("is degraded while the database is away", async () => {
  const b = await OutboxBench.open(bench);
  const pool = bench.pool({ max: 1 });
  const relay = b.relay({}, pool);
  await relay.start();
  const seen = statuses(relay);
  const failed = events(relay, "databaseFailed");
  const pid = await until(async () => (await backends(pool, b.pool))[0]?.pid);
  await kill(pid, b.pool);
  await failed;
  await until(async () => (relay.health().status === "healthy" ? true : undefined));
  expect(seen).toEqual(["healthy > degraded", "degraded > healthy"]);
});
