import { once } from "node:events";
import { PassThrough } from "node:stream";
import type { ServerResponse } from "node:http";
import { VirtualClock } from "millrace/testing";
import { describe, expect, it, vi } from "vitest";
import { decide } from "../../src/office/decision.ts";
import { EventStream } from "../../src/web/event-stream.ts";
import type { SnapshotNews } from "../../src/web/stream-news.ts";
import { holdQueries, useOffice } from "../office.ts";
import { EventReader } from "./event-reader.ts";
import { ask } from "./requests.ts";

const office = useOffice();

/** Asks for a seat, and has it decided, as a worker would. */
async function reserve(
  address: string,
  event: string,
  seat: string,
  customer: string,
): Promise<string> {
  const { body } = await ask(address, "/reservations", { event, seat, customer });
  const { id } = body as { id: string };
  await decide(office.pool(), { id, event, seat });
  return id;
}

describe("GET /events/:id/stream", () => {
  it("begins with all there is, goes on with what changes, and tells customers of their own alone", async () => {
    const event = await office.event("told", 8);
    await using served = await office.serve();
    const { address, feed } = served;
    await expect.poll(() => feed.listening, { timeout: 20_000, interval: 5 }).toBe(true);
    const heard = new Promise((resolve) => {
      feed.subscribe(event, { changed: resolve, missed: () => {} });
    });
    const first = await reserve(address, event, "A1", "ann");
    // What is heard of after the stream has begun is told by it once more.
    await heard;
    const reader = await EventReader.open(address, `/events/${event}/stream?customers=ann,bob`);
    expect(reader.response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
    });
    expect(await reader.next()).toEqual({
      event: "snapshot",
      data: {
        id: event,
        name: event,
        seats: 8,
        seatsPerRow: 4,
        taken: ["A1"],
        reservations: [expect.objectContaining({ id: first, customer: "ann", state: "confirmed" })],
      },
    });
    expect(reader.retryMs).toBe(1_000);

    await reserve(address, event, "A2", "somebody");
    expect(await reader.next()).toEqual({
      event: "changes",
      data: { taken: ["A2"], reservations: [] },
    });
    const second = await reserve(address, event, "A2", "bob");
    const reason = "the seat was taken by then";
    expect(await reader.next()).toEqual({
      event: "changes",
      data: {
        taken: [],
        reservations: [{ id: second, seat: "A2", customer: "bob", state: "refused", reason }],
      },
    });
  });

  it("one that connects again is told what it has missed", async () => {
    const event = await office.event("again", 4);
    await using served = await office.serve();
    const { address } = served;
    const path = `/events/${event}/stream?customers=ann`;
    const reader = await EventReader.open(address, path);
    expect(await reader.next()).toMatchObject({ data: { taken: [], reservations: [] } });
    reader.hangUp();
    const id = await reserve(address, event, "A4", "ann");
    const again = await EventReader.open(address, path);
    expect(await again.next()).toMatchObject({
      event: "snapshot",
      data: { taken: ["A4"], reservations: [{ id, state: "confirmed" }] },
    });
  });

  it("begins anew when the server's own connection to the database was away", async () => {
    const event = await office.event("cut", 4);
    await using served = await office.serve();
    const { address, feed, faults } = served;
    await expect.poll(() => feed.listening, { timeout: 20_000, interval: 5 }).toBe(true);
    const reader = await EventReader.open(address, `/events/${event}/stream`);
    expect(await reader.next()).toMatchObject({ data: { taken: [] } });
    await office.rows(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'tickets web: changes' AND datname = current_database()`,
    );
    await expect.poll(() => faults.length, { timeout: 20_000, interval: 5 }).toBeGreaterThan(0);
    // Nobody hears of this one.
    await reserve(address, event, "A3", "ann");
    expect(await reader.next()).toMatchObject({ event: "snapshot", data: { taken: ["A3"] } });
    await reserve(address, event, "A4", "ann");
    expect(await reader.next()).toMatchObject({ event: "changes", data: { taken: ["A4"] } });
    expect(faults).toHaveLength(1);
  });

  it("sends a snapshot once, however large it is", async () => {
    const event = await office.event("large", 4);
    await office.rows(
      `INSERT INTO tickets.reservations (id, event, seat, customer, state)
       SELECT gen_random_uuid(), $1, 'A1', 'crowd', 'refused' FROM generate_series(1, 4000)`,
      event,
    );
    await using served = await office.serve();
    const { address, feed } = served;
    await expect.poll(() => feed.listening).toBe(true);
    const reader = await EventReader.open(address, `/events/${event}/stream?customers=crowd`);
    const snapshot = await reader.next();
    expect(snapshot?.event).toBe("snapshot");
    expect(JSON.stringify(snapshot?.data).length).toBeGreaterThan(512 * 1_024);
    await reserve(address, event, "A2", "ann");
    expect(await reader.next()).toEqual({
      event: "changes",
      data: { taken: ["A2"], reservations: [] },
    });
  });

  it("forgets who hangs up", async () => {
    await using served = await office.serve();
    const { address, feed } = served;
    const subscribe = feed.subscribe.bind(feed);
    const left = new Promise<void>((resolve) => {
      vi.spyOn(feed, "subscribe").mockImplementation((...parameters) => {
        const unsubscribe = subscribe(...parameters);
        return () => {
          unsubscribe();
          resolve();
        };
      });
    });
    const reader = await EventReader.open(address, "/events/gala/stream");
    await reader.next();
    reader.hangUp();
    await left;
  });

  it("is not there for HEAD, which would never be answered", async () => {
    await using served = await office.serve();
    const { status } = await fetch(`${served.address}/events/gala/stream`, { method: "HEAD" });
    expect(status).toBe(404);
  });

  it("ends when the server does", async () => {
    const served = await office.serve();
    // A feed that connects later has every stream begin anew.
    await expect.poll(() => served.feed.listening).toBe(true);
    const reader = await EventReader.open(served.address, "/events/gala/stream");
    await reader.next();
    await served[Symbol.asyncDispose]();
    expect(await reader.next()).toBeUndefined();
  });

  it("is refused once the server is on its way down", async () => {
    const served = await office.serve();
    const { address, pool, feed } = served;
    // A feed that connects later has every stream begin anew.
    await expect.poll(() => feed.listening).toBe(true);
    const reader = await EventReader.open(address, "/events/gala/stream");
    await reader.next();
    const { asked, letGo } = holdQueries(pool);
    const late = fetch(`${address}/events/gala/stream`);
    await asked;
    const closed = served[Symbol.asyncDispose]();
    while ((await reader.next()) !== undefined);
    letGo();
    const { status, headers } = await late;
    expect({ status, type: headers.get("content-type") }).toEqual({
      status: 503,
      type: "application/problem+json; charset=utf-8",
    });
    // A connection that is kept would hold the server up.
    expect(headers.get("connection")).toBe("close");
    await closed;
  });

  it("keeps the headers that all answers have", async () => {
    await using served = await office.serve();
    const { address, feed } = served;
    await expect.poll(() => feed.listening).toBe(true);
    const reader = await EventReader.open(address, "/events/gala/stream");
    const { headers } = reader.response;
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
    // It is read before the server ends.
    await reader.next();
  });
});

/** Somebody who reads or does not, in place of a connection. */
function streamTo(snapshot: () => Promise<SnapshotNews>, highWaterMark = 1_024) {
  const clock = new VirtualClock();
  const output = new PassThrough({ highWaterMark });
  output.setEncoding("utf8");
  const response = Object.assign(output, { writeHead: vi.fn() });
  const onEnd = vi.fn();
  const stream = new EventStream({
    response: response as unknown as ServerResponse,
    customers: new Set(["ann"]),
    snapshot,
    onEnd,
    clock,
  });
  const read = (): string => (output.read() as string | null) ?? "";
  return { clock, output, stream, onEnd, read };
}

const hall = { id: "gala", name: "The gala", seats: 8, seatsPerRow: 4 };
const map = (...taken: string[]): SnapshotNews => ({ ...hall, taken, reservations: [] });
const sold = (seat: string, customer = "somebody") =>
  ({ id: "1", event: "gala", seat, customer, state: "confirmed" }) as const;

describe("a stream", () => {
  it("tells changes that come together in one go, and those that came during a snapshot after it", async () => {
    let ready: (snapshot: SnapshotNews) => void = () => {};
    const { clock, stream, read } = streamTo(() => new Promise((resolve) => (ready = resolve)));
    stream.open();
    stream.changed(sold("A1"));
    await clock.advance(1_000);
    expect(read()).toBe("retry: 1000\n\n");
    ready(map());
    await clock.settle();
    expect(read()).toMatch(/^event: snapshot\n.*\n\nevent: changes\ndata: .*"taken":\["A1"\]/);
    stream.changed(sold("A2"));
    stream.changed(sold("A3"));
    expect(read()).toBe("");
    await clock.advance(1_000);
    expect(read()).toBe('event: changes\ndata: {"taken":["A2","A3"],"reservations":[]}\n\n');
    stream.end();
    expect(clock.pendingTimers).toBe(0);
  });

  it("takes nobody for slow who has not read a large snapshot yet", async () => {
    let ready: (snapshot: SnapshotNews) => void = () => {};
    const { clock, stream, read } = streamTo(() => new Promise((resolve) => (ready = resolve)));
    stream.open();
    stream.changed(sold("A1"));
    ready(map(...Array.from({ length: 60_000 }, (_, number) => `Z${number}`)));
    await clock.settle();
    stream.changed(sold("A2"));
    await clock.advance(25);
    const events = [read(), read(), read(), read()].join("").match(/(?<=^event: )\w+/gm);
    expect(events).toEqual(["snapshot", "changes", "changes"]);
    stream.end();
  });

  it("says that it lives when there is nothing to tell", async () => {
    const { clock, stream, read } = streamTo(() => Promise.resolve(map()));
    stream.open();
    await clock.settle();
    read();
    await clock.advance(15_000);
    expect(read()).toBe("event: beat\ndata: {}\n\n");
    stream.end();
  });

  it("keeps little for a reader that does not read, and tells it all when it does", async () => {
    let snapshots = 0;
    const { clock, output, stream, read } = streamTo(() => {
      snapshots += 1;
      return Promise.resolve(map("A1"));
    });
    stream.open();
    await clock.settle();
    for (let i = 0; i < 10_000; i += 1) {
      stream.changed(sold("B1", "ann"));
      await clock.advance(25);
    }
    expect(output.writableLength + output.readableLength).toBeLessThan(512 * 1_024);
    expect(snapshots).toBe(1);
    output.resume();
    await vi.waitFor(() => expect(snapshots).toBe(2), { timeout: 20_000, interval: 5 });
    output.pause();
    read();
    stream.changed(sold("B2"));
    await clock.advance(25);
    expect(read()).toContain('"B2"');
    stream.end();
  });

  it("ends when there is no snapshot to be had", async () => {
    const { clock, stream, onEnd } = streamTo(() => Promise.reject(new Error("away")));
    stream.open();
    await clock.settle();
    expect(onEnd).toHaveBeenCalledOnce();
    expect(clock.pendingTimers).toBe(0);
  });

  it("ends at once when its reader had gone before it began", async () => {
    const { clock, output, stream, onEnd } = streamTo(() => Promise.resolve(map()));
    output.destroy();
    await once(output, "close");
    stream.open();
    await clock.settle();
    expect(onEnd).toHaveBeenCalledOnce();
    expect(clock.pendingTimers).toBe(0);
  });
});
