/**
 * Owns one open stream of server-sent events: what its reader knows, and what it is still to be told. It never
 * holds more than a bounded amount for a reader that is slow.
 */
import type { ServerResponse } from "node:http";
import { systemClock } from "millrace";
import type { Clock, Timer } from "millrace";
import type { Change } from "../office/change.ts";
import type { Subscriber } from "./change-feed.ts";
import type { ChangesNews, SnapshotNews } from "./stream-news.ts";

export interface EventStreamOptions {
  readonly response: ServerResponse;
  /** What is so now. */
  readonly snapshot: () => Promise<SnapshotNews>;
  /** Those whose reservations are told of. */
  readonly customers: ReadonlySet<string>;
  /** Called once, when the stream has ended for whatever reason. */
  readonly onEnd: () => void;
  readonly clock?: Clock | undefined;
}

/** Changes of so long are told together. */
const gatherMs = 25;
/** Proxies and browsers take a silent connection for a dead one. */
const heartbeatMs = 15_000;
/** How soon a browser connects again. */
const retryMs = 1_000;
/** Beyond so many changes, or unread bytes of them, a snapshot is the shorter way to say it. */
const maxPending = 5_000;
const maxUnreadBytes = 256 * 1_024;

/**
 * | state | meaning | left when |
 * |---|---|---|
 * | catching up | a snapshot is being made; changes are kept meanwhile | it is there: live, and what was kept is told after it |
 * | live | changes are told, gathered for a moment | they may have been missed: catching up; too much besides the snapshot is unread: behind |
 * | behind | changes are forgotten | the reader has read what was sent: catching up |
 * | ended | nothing is told | never |
 *
 * That a change is in the snapshot and told once more does no harm: seats are sold for good.
 */
export class EventStream implements Subscriber {
  readonly #options: EventStreamOptions;
  readonly #clock: Clock;
  #state: "catching up" | "live" | "behind" | "ended" = "behind";
  /** Not yet told. */
  #pending: Change[] = [];
  /** Set while changes are gathered. */
  #gathering: Timer | undefined;
  #heartbeat: Timer | undefined;
  /** Counts the snapshots: what an older one brings is out of date. */
  #snapshots = 0;
  /** Of the last one that was sent. Written by catchUp. */
  #snapshotBytes = 0;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Begins with a snapshot. */
  open(): void {
    const { response } = this.#options;
    // Its reader may have gone while the server looked whether there is such an event.
    if (response.destroyed) {
      this.end();
      return;
    }
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      // nginx would gather it, otherwise.
      "x-accel-buffering": "no",
    });
    response.once("close", () => this.end());
    response.on("error", () => {});
    response.on("drain", () => {
      if (this.#state === "behind") this.missed();
    });
    response.write(`retry: ${retryMs}\n\n`);
    this.#beat();
    this.missed();
  }

  changed(change: Change): void {
    if (this.#state === "behind" || this.#state === "ended") return;
    this.#pending.push(change);
    if (this.#pending.length > maxPending) this.missed();
    else this.#gather();
  }

  missed(): void {
    if (this.#state === "ended") return;
    this.#state = "catching up";
    this.#pending = [];
    this.#snapshots += 1;
    void this.#catchUp(this.#snapshots);
  }

  /** Ends it from this side; the browser would connect again. */
  end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#gathering?.cancel();
    this.#heartbeat?.cancel();
    this.#options.response.end();
    this.#options.onEnd();
  }

  async #catchUp(snapshot: number): Promise<void> {
    let news: SnapshotNews;
    try {
      news = await this.#options.snapshot();
    } catch {
      // The browser connects again, and is told then what is wrong.
      this.end();
      return;
    }
    if (this.#state !== "catching up" || snapshot !== this.#snapshots) return;
    this.#state = "live";
    const text = textOf("snapshot", news);
    this.#snapshotBytes = Buffer.byteLength(text);
    this.#options.response.write(text);
    this.#tell();
  }

  #gather(): void {
    this.#gathering ??= this.#clock.setTimer(() => {
      this.#gathering = undefined;
      this.#tell();
    }, gatherMs);
  }

  #tell(): void {
    if (this.#state !== "live" || this.#pending.length === 0) return;
    const { response } = this.#options;
    const news = this.#newsOf(this.#pending);
    this.#pending = [];
    if (news.taken.length + news.reservations.length === 0) return;
    // What was just written is unread for a moment whoever reads, and a snapshot takes as long as it is large.
    const slow = response.writableLength > maxUnreadBytes + this.#snapshotBytes;
    if (slow) this.#state = "behind";
    else response.write(textOf("changes", news));
  }

  #newsOf(changes: readonly Change[]): ChangesNews {
    const { customers } = this.#options;
    return {
      taken: changes.filter(({ state }) => state === "confirmed").map(({ seat }) => seat),
      reservations: changes
        .filter(({ customer }) => customers.has(customer))
        .map(({ id, seat, customer, state, reason }) => ({ id, seat, customer, state, reason })),
    };
  }

  #beat(): void {
    this.#heartbeat = this.#clock.setTimer(() => {
      const { response } = this.#options;
      // An event, since the page's code sees no comment. Not to a reader that does not read.
      if (response.writableLength === 0) response.write("event: beat\ndata: {}\n\n");
      this.#beat();
    }, heartbeatMs);
  }
}

function textOf(event: "snapshot" | "changes", news: SnapshotNews | ChangesNews): string {
  return `event: ${event}\ndata: ${JSON.stringify(news)}\n\n`;
}
