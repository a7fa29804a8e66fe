/**
 * What a relay makes of a connection that never comes about: neither refused nor answered.
 */
import { VirtualClock } from "millrace/testing";
import { expect, it } from "vitest";
import { backends, failure, kill, until, useBench } from "./bench.ts";
import { events, OutboxBench } from "./outbox-bench.ts";
import { openRoad } from "./road.ts";

const bench = useBench();

/** Lets time go by, a little at a time, with room for what Postgres does, until it is found. */
async function during<T>(b: OutboxBench, clock: VirtualClock, found: () => T): Promise<T> {
  return until(async () => {
    await clock.advance(50);
    await b.pool.query("SELECT");
    return found() || undefined;
  });
}

async function settled(
  b: OutboxBench,
  clock: VirtualClock,
  promise: Promise<unknown>,
): Promise<void> {
  let isSettled = false;
  const settle = (): boolean => (isSettled = true);
  void promise.then(settle, settle);
  await during(b, clock, () => isSettled);
}

it("gives it up after 30 seconds, asks for another one, and says so at the right time", async () => {
  const b = await OutboxBench.open(bench);
  const queue = await b.queue();
  const { url, cut, swallow } = await openRoad(bench.url);
  const pool = bench.pool({ connectionString: url, max: 4 });
  const clock = new VirtualClock();
  const relay = b.relay({ clock, random: () => 0.5 }, pool);
  await settled(b, clock, relay.start());
  const failures: { error: string; atMs: number }[] = [];
  const changes: { to: string; atMs: number }[] = [];
  relay.on("databaseFailed", ({ error }) =>
    failures.push({ error: error.message, atMs: clock.monotonicMs() }),
  );
  relay.on("stateChanged", ({ to }) => changes.push({ to, atMs: clock.monotonicMs() }));

  swallow(true);
  const [backend] = await backends(pool, b.pool);
  await kill(backend?.pid ?? 0, b.pool);
  await during(b, clock, () => failures.length === 3);
  const [broken, first, second] = failures;
  expect([first?.error, second?.error]).toEqual([
    "no connection within 30000 ms",
    "no connection within 30000 ms",
  ]);
  expect((first?.atMs ?? 0) - (broken?.atMs ?? 0)).toBe(30_050);
  // Without anything that happens at that moment.
  expect(changes).toEqual([
    { to: "degraded", atMs: broken?.atMs },
    { to: "failing", atMs: (broken?.atMs ?? 0) + 60_000 },
  ]);

  swallow(false);
  const sent = events(relay, "sent");
  await b.store(queue, ["a"]);
  await settled(b, clock, sent);
  expect(relay.health().status).toBe("healthy");
  await settled(b, clock, relay.stop());
  expect(clock.pendingTimers).toBe(0);
  cut();
  await until(() => Promise.resolve(pool.totalCount === 0 || undefined));
});

it("start rejects when the pool has none to give, and one that comes late goes back to the pool", async () => {
  const b = await OutboxBench.open(bench);
  const pool = bench.pool({ max: 1 });
  const client = await pool.connect();
  const clock = new VirtualClock();
  const relay = b.relay({ clock }, pool);
  const started = failure(relay.start());
  await settled(b, clock, started);
  expect(await started).toMatchObject({
    code: "DATABASE_UNAVAILABLE",
    message: "no connection within 30000 ms",
  });
  expect({ ms: clock.monotonicMs(), timers: clock.pendingTimers }).toEqual({
    ms: 30_000,
    timers: 0,
  });
  client.release();
  await until(() => Promise.resolve(pool.waitingCount === 0 || undefined));
  expect({ idle: pool.idleCount, all: pool.totalCount }).toEqual({ idle: 1, all: 1 });
});

it("is not failing any more once it is stopped, and no timer is left", async () => {
  const b = await OutboxBench.open(bench);
  const pool = bench.pool({ max: 1 });
  const clock = new VirtualClock();
  const relay = b.relay({ clock }, pool);
  await settled(b, clock, relay.start());
  const degraded = events(relay, "databaseFailed");
  const [backend] = await backends(pool, b.pool);
  await kill(backend?.pid ?? 0, b.pool);
  await settled(b, clock, degraded);
  await settled(b, clock, relay.stop());
  expect({ health: relay.health().status, timers: clock.pendingTimers }).toEqual({
    health: "stopped",
    timers: 0,
  });
  // The stop may have come while it connected again: what it asked for then goes back when it comes.
  await until(() => Promise.resolve(pool.totalCount === pool.idleCount || undefined));
});
