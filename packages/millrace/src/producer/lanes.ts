/**
 * Owns the order in which sends may go out: whose turn it is, who has to hold back and until when. It never
 * starts a request and never settles a send.
 */
import { LinkedList } from "../channel/linked-list.ts";
import type { Clock } from "../clock.ts";
import { maxPayloadBytes } from "../sqs/limits.ts";
import { Lane } from "./lane.ts";
import type { Backoff, LaneKey } from "./lane.ts";
import type { PendingSend } from "./pending-send.ts";

/** What {@link Lanes} are given. */
export interface LanesInit {
  /** Whether sends of one group are kept in order. */
  readonly fifo: boolean;
  readonly clock: Clock;
  /** Sends in a batch. */
  readonly maxSize: number;
  /** Sends of one lane in a batch. */
  readonly maxPerGroup: number;
  /** Called when a backoff is over and its lanes are ready. */
  readonly onReady: () => void;
}

/** What one request could take now. */
export interface Gathered {
  readonly sends: readonly PendingSend[];
  /** Sends that came before and whose deadline is over: they are in nobody's batch. */
  readonly late: readonly PendingSend[];
  /** Whether it takes no more, so that there is nothing to wait for. */
  readonly full: boolean;
}

/** Every lane that is not idle, and among them, in the order of their turns, those that are ready. */
export class Lanes {
  readonly #init: LanesInit;
  readonly #lanes = new Map<LaneKey, Lane>();
  readonly #ready = new LinkedList<Lane>();
  #dueMs = Infinity;
  #queued = 0;

  constructor(init: LanesInit) {
    this.#init = init;
  }

  /**
   * When a ready lane waits for company no longer; Infinity while none is ready. Once lanes have been left out
   * of a batch it may be earlier than need be.
   */
  get dueMs(): number {
    return this.#ready.size === 0 ? Infinity : this.#dueMs;
  }

  /** How many sends are in the lanes; those in flight are not. */
  get queued(): number {
    return this.#queued;
  }

  /** Lets no lane that is ready wait for company any longer. */
  stopWaiting(): void {
    this.#dueMs = -Infinity;
  }

  /** Adds a send behind those of its lane. */
  add(send: PendingSend): void {
    const lane = this.#laneOf(send);
    lane.sends.append(send);
    this.#queued += 1;
    if (lane.state === "idle") this.#makeReady(lane);
  }

  /** Takes a queued send out. */
  withdraw(send: PendingSend): void {
    const lane = this.#laneOf(send);
    lane.sends.remove(send);
    this.#queued -= 1;
    if (lane.sends.size > 0 || lane.state === "inFlight") return;
    if (lane.state === "ready") this.#ready.remove(lane);
    lane.backoff?.leave(lane);
    this.#drop(lane);
  }

  /** The first sends of the first lanes that are ready, as far as one request takes them. */
  gather(now: number): Gathered {
    const { maxSize, maxPerGroup } = this.#init;
    const sends: PendingSend[] = [];
    const late: PendingSend[] = [];
    let bytes = 0;
    for (let lane = this.#ready.first; lane !== undefined; lane = lane.next) {
      let ofLane = 0;
      for (let send = lane.sends.first; send !== undefined; send = send.next) {
        if (now >= send.deadlineMs) {
          late.push(send);
          continue;
        }
        if (ofLane === maxPerGroup) break;
        bytes += send.message.bytes;
        if (bytes > maxPayloadBytes) return { sends, late, full: true };
        if (send.alone) return { sends: sends.length === 0 ? [send] : sends, late, full: true };
        if (sends.push(send) === maxSize) return { sends, late, full: true };
        ofLane += 1;
      }
    }
    return { sends, late, full: false };
  }

  /** Takes gathered sends out, into a request. */
  take(sends: readonly PendingSend[]): void {
    this.#queued -= sends.length;
    for (const send of sends) {
      const lane = this.#laneOf(send);
      lane.sends.remove(send);
      if (lane.state === "ready") this.#ready.remove(lane);
      lane.state = "inFlight";
    }
  }

  /**
   * Ends a request that took `sends`. Those of them that are in `again` go back to the front of their lanes,
   * which are ready after `delayMs`; the other lanes are ready now.
   */
  putBack(sends: readonly PendingSend[], again: ReadonlySet<PendingSend>, delayMs: number): void {
    const lanes = new Set(sends.map((send) => this.#laneOf(send)));
    const held = new Set<Lane>();
    this.#queued += again.size;
    // Last first: each goes in front of those of its lane that were called after it.
    for (const send of sends.toReversed()) {
      if (!again.has(send)) continue;
      const lane = this.#laneOf(send);
      lane.sends.prepend(send);
      held.add(lane);
    }
    const waiting = delayMs > 0 ? held : new Set<Lane>();
    for (const lane of lanes) {
      if (lane.sends.size === 0) this.#drop(lane);
      else if (!waiting.has(lane)) this.#makeReady(lane);
    }
    if (waiting.size > 0)
      this.#backOff(
        [...lanes].filter((lane) => waiting.has(lane)),
        delayMs,
      );
  }

  #laneOf(send: PendingSend): Lane {
    const groupId = this.#init.fifo ? send.message.entry.MessageGroupId : undefined;
    const key = groupId ?? send;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = new Lane(key);
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  /** Puts a lane that holds sends behind those that are ready. */
  #makeReady(lane: Lane): void {
    // Infinity again if none is ready any more, whatever became of those that were.
    const dueMs = this.dueMs;
    lane.state = "ready";
    lane.backoff = undefined;
    this.#ready.append(lane);
    this.#dueMs = Math.min(dueMs, lane.sends.first?.dueMs ?? Infinity);
  }

  /** Forgets a lane that holds no send. */
  #drop(lane: Lane): void {
    lane.state = "idle";
    lane.backoff = undefined;
    this.#lanes.delete(lane.key);
  }

  /** One timer for all: what failed together is tried again together. */
  #backOff(lanes: readonly Lane[], delayMs: number): void {
    const waiting = new Set(lanes);
    const timer = this.#init.clock.setTimer(() => {
      for (const lane of waiting) this.#makeReady(lane);
      this.#init.onReady();
    }, delayMs);
    const backoff: Backoff = {
      leave: (lane) => {
        waiting.delete(lane);
        if (waiting.size === 0) timer.cancel();
      },
    };
    for (const lane of lanes) {
      lane.state = "backingOff";
      lane.backoff = backoff;
    }
  }
}
