/**
 * Owns what follows from the log: who is running, what each delivery and each handler has come to. It never
 * judges; the rules do.
 */
import type { Entry, HandedOut } from "../log.ts";
import { handlerGraceMs, isToBeCopied, settlement } from "./inference.ts";
import type { Call, Consumer, Delivery, EntryOf, Run, StoredMessage } from "./records.ts";

/** A consumer takes a long poll's answer to have been under way for this share of the visibility timeout at most. */
const answerShare = 0.1;

/** The state that a log leads to, entry by entry. */
export class Ledger {
  readonly consumers: Map<number, Consumer> = new Map();
  readonly deliveries: Map<number, Delivery> = new Map();
  readonly messages: Map<string, StoredMessage> = new Map();
  readonly runs: Map<number, Run> = new Map();
  /** The runs of each batch, in the order of its messages. */
  readonly batches: Map<number, Run[]> = new Map();
  readonly calls: Map<number, Call> = new Map();
  faultsEndedMs: number = Infinity;
  nowMs = 0;
  #arrivals = 0;

  /** Follows one entry. */
  follow(entry: Entry): void {
    this.nowMs = entry.atMs;
    switch (entry.type) {
      case "made":
        this.#made(entry);
        return;
      case "request":
        this.#request(entry);
        return;
      case "aborted":
        this.#aborted(entry);
        return;
      case "applied":
        this.#applied(entry);
        return;
      case "answered":
        this.#answered(entry);
        return;
      case "handlerStarted":
        this.#handlerStarted(entry);
        return;
      case "handlerAborted":
        this.#handlerAborted(entry);
        return;
      case "handlerEnded":
        this.#handlerEnded(entry);
        return;
      case "faultsEnded":
        this.faultsEndedMs = entry.atMs;
        return;
      case "sendCalled":
      case "sendResolved":
      case "sendFailed":
      case "escaped":
      case "limitAnswered":
      case "health":
      case "idle":
      case "ended":
        return;
      default:
        this.#asked(entry);
    }
  }

  consumer(number: number): Consumer {
    const consumer = this.consumers.get(number);
    if (consumer === undefined) throw new Error(`the log knows no consumer ${number}`);
    return consumer;
  }

  /** Whether this delivery is in its consumer's hand beyond doubt. */
  isHeld(delivery: Delivery): boolean {
    const { late, doubtful, heldUntilMs } = delivery;
    return !late && !doubtful && !isToBeCopied(delivery) && this.nowMs < heldUntilMs;
  }

  /** Whether it has long been deleted, or somebody else's, nobody works on it, and its consumer has had the time to see so. */
  isGone({ visibleAtMs, mayBeHeldUntilMs, run, consumer }: Delivery): boolean {
    if (run !== undefined && run.endedMs === undefined) return false;
    const endMs =
      visibleAtMs === Infinity ? mayBeHeldUntilMs : Math.max(visibleAtMs, mayBeHeldUntilMs);
    // While its event loop stands still, a consumer sees nothing.
    return Math.max(endMs, consumer?.blockedUntilMs ?? endMs) + handlerGraceMs < this.nowMs;
  }

  /** Handlers of a consumer that it must count as running; one that has a batch counts once. */
  running(consumer: Consumer): number {
    const handlers = new Set<number>();
    for (const run of consumer.runs) {
      if (!this.isLeftBehind(run)) handlers.add(run.batch ?? run.number);
    }
    return handlers.size;
  }

  /** Whether its consumer need not wait for this handler any more. */
  isLeftBehind({ abortedMs }: Run): boolean {
    return abortedMs !== undefined && this.nowMs >= abortedMs + handlerGraceMs;
  }

  #made({ consumer: number, facts }: EntryOf<"made">): void {
    this.consumers.set(number, {
      number,
      facts,
      phase: "idle",
      stopCalledMs: -1,
      stopDeadlineMs: 0,
      openStops: 0,
      startQueued: false,
      paused: false,
      blockedUntilMs: -1,
      blockedMs: 0,
      lastAbortMs: -Infinity,
      polls: new Set(),
      hand: new Set(),
      runs: new Set(),
      attempts: new Set(),
      wentBackMs: new Map(),
      lastPoll: undefined,
    });
  }

  #asked(
    entry: EntryOf<
      | "startCalled"
      | "startResolved"
      | "startFailed"
      | "stopCalled"
      | "stopResolved"
      | "paused"
      | "resumed"
      | "crashed"
      | "blocked"
    >,
  ): void {
    const consumer = this.consumer(entry.consumer);
    switch (entry.type) {
      case "startCalled":
        // Until it is said again.
        consumer.paused = false;
        if (consumer.phase === "stopping") consumer.startQueued = true;
        else consumer.phase = "running";
        break;
      case "startFailed":
        // One that failed because of a stop is the stop's.
        if (consumer.phase === "running" && !entry.error.includes("Stopped"))
          consumer.phase = "idle";
        break;
      case "stopCalled":
        consumer.openStops += 1;
        consumer.startQueued = false;
        consumer.paused = false;
        if (consumer.phase === "stopping") break;
        if (consumer.phase === "running") consumer.phase = "stopping";
        consumer.stopCalledMs = entry.atMs;
        consumer.stopDeadlineMs = entry.deadlineMs;
        consumer.blockedMs = Math.max(0, consumer.blockedUntilMs - entry.atMs);
        break;
      case "stopResolved":
        consumer.openStops -= 1;
        if (consumer.startQueued) consumer.phase = "running";
        else if (consumer.openStops === 0 && consumer.phase === "stopping") consumer.phase = "idle";
        break;
      case "paused":
      case "resumed":
        consumer.paused = entry.type === "paused";
        break;
      case "crashed":
        consumer.phase = "crashed";
        consumer.hand.clear();
        break;
      case "blocked":
        consumer.blockedUntilMs = Math.max(consumer.blockedUntilMs, entry.atMs) + entry.forMs;
        consumer.blockedMs += entry.forMs;
        for (const delivery of consumer.hand) delivery.touched = true;
        break;
      case "startResolved":
        break;
    }
  }

  #request(request: EntryOf<"request">): void {
    const deliveries = request.about.flatMap(({ delivery }) => this.deliveries.get(delivery) ?? []);
    const settles = deliveries.map((delivery, index) =>
      settlement(request, request.about[index], delivery),
    );
    const call: Call = { request, deliveries, settles, state: "open" };
    this.calls.set(request.call, call);
    if (request.who === "producer") return;
    const consumer = this.consumer(request.who);
    if (request.operation === "ReceiveMessage") {
      consumer.polls.add(call);
      consumer.lastPoll = call;
    }
    for (const [index, { lane }] of deliveries.entries()) {
      const backs = request.operation !== "DeleteMessageBatch" && settles[index] !== "no";
      if (lane !== undefined && backs) consumer.wentBackMs.set(lane, request.atMs);
    }
    for (const [index, delivery] of deliveries.entries()) {
      if (request.fault !== undefined) delivery.touched = true;
      delivery.open.add(call);
      if (settles[index] !== "no") delivery.settleSentMs ??= request.atMs;
      if (settles[index] === "yes") delivery.settleSeconds ??= request.about[index]?.seconds;
      if (settles[index] === "maybe") delivery.doubtful = true;
    }
  }

  #aborted({ call: number }: EntryOf<"aborted">): void {
    const call = this.calls.get(number);
    if (call === undefined) return;
    call.state = "aborted";
    const { who } = call.request;
    if (who !== "producer") this.consumer(who).lastAbortMs = this.nowMs;
    this.#close(call);
    for (const delivery of call.deliveries) {
      delivery.touched = true;
      if (delivery.settleSentMs !== undefined) delivery.doubtful = true;
    }
  }

  #close(call: Call): void {
    if (call.request.who !== "producer") this.consumer(call.request.who).polls.delete(call);
    for (const delivery of call.deliveries) delivery.open.delete(call);
  }

  #applied(entry: EntryOf<"applied">): void {
    const call = this.calls.get(entry.call);
    if (call === undefined) return;
    const { request } = call;
    for (const message of entry.takenIn) {
      const { copyOf } = message;
      if (copyOf === undefined) {
        if (!this.messages.has(message.messageId)) {
          const { messageId: id, job, lane, sequence } = message;
          const fate = { resolved: false, copied: false, deleted: false };
          this.messages.set(id, { id, job, lane, sequence, ...fate });
        }
        continue;
      }
      const delivery = this.deliveries.get(copyOf);
      if (delivery === undefined) continue;
      delivery.copied = true;
      const stored = this.messages.get(delivery.messageId);
      if (stored !== undefined) stored.copied = true;
    }
    for (const handedOut of entry.handedOut) this.#handedOut(call, handedOut);
    for (const about of entry.done) {
      const delivery = this.deliveries.get(about.delivery);
      if (delivery === undefined) continue;
      if (call.settles[call.deliveries.indexOf(delivery)] !== "no") delivery.settleApplied = true;
      if (request.operation === "DeleteMessageBatch") {
        const stored = this.messages.get(delivery.messageId);
        if (stored !== undefined) stored.deleted = true;
        delivery.visibleAtMs = Infinity;
      } else if (about.seconds !== undefined) {
        delivery.visibleAtMs = entry.atMs + about.seconds * 1_000;
      }
    }
    for (const about of entry.refused) {
      const delivery = this.deliveries.get(about.delivery);
      if (delivery !== undefined) delivery.doubtful = true;
    }
  }

  #handedOut(call: Call, handedOut: HandedOut): void {
    const { request } = call;
    const visibleAtMs = this.nowMs + request.visibilitySeconds * 1_000;
    const known = this.deliveries.get(handedOut.delivery);
    if (known !== undefined) {
      // The same again, to the same attempt.
      known.visibleAtMs = visibleAtMs;
      return;
    }
    this.deliveries.set(handedOut.delivery, {
      ...handedOut,
      consumer: request.who === "producer" ? undefined : this.consumer(request.who),
      handedOutMs: this.nowMs,
      askedMs: request.atMs,
      visibleAtMs,
      heldUntilMs: -1,
      mayBeHeldUntilMs: -1,
      arrivedMs: undefined,
      arrival: -1,
      late: false,
      receiveFaulty: request.fault !== undefined,
      touched: false,
      run: undefined,
      settleSentMs: undefined,
      settleApplied: false,
      settleConfirmed: false,
      doubtful: false,
      open: new Set(),
      copied: false,
      barredBy: undefined,
      settleSeconds: undefined,
    });
  }

  #answered(entry: EntryOf<"answered">): void {
    const call = this.calls.get(entry.call);
    if (call === undefined) return;
    call.state = "answered";
    this.#close(call);
    const { request } = call;
    for (const [index, delivery] of call.deliveries.entries()) {
      const answer = entry.entries[index];
      const settles = call.settles[index] === "yes";
      const seconds = request.about[index]?.seconds ?? 0;
      const untilMs = answer === "done" && !settles ? request.atMs + seconds * 1_000 : -1;
      delivery.mayBeHeldUntilMs = Math.max(delivery.mayBeHeldUntilMs, untilMs);
      // It had been given up: its caller may have learned of it, or not.
      if (entry.late) delivery.doubtful = true;
      else if (answer === "done" && settles) {
        delivery.settleConfirmed = true;
        delivery.consumer?.hand.delete(delivery);
      } else if (answer === "done" && this.nowMs < delivery.heldUntilMs) {
        // What is answered after the lease was over comes too late.
        delivery.heldUntilMs = Math.max(delivery.heldUntilMs, untilMs);
      } else if (answer !== "done" && (settles || answer === "refused")) delivery.doubtful = true;
    }
    if (request.who === "producer") return;
    const consumer = this.consumer(request.who);
    for (const delivery of consumer.hand) if (this.isGone(delivery)) consumer.hand.delete(delivery);
    for (const { delivery: number } of entry.brought) {
      const delivery = this.deliveries.get(number);
      if (delivery === undefined) continue;
      // On a FIFO queue a poll is opened again for what it left, and what comes late is not looked at.
      if (entry.late && consumer.facts.fifo && delivery.arrivedMs !== undefined) continue;
      const visibilityMs = request.visibilitySeconds * 1_000;
      const beganMs = Math.max(request.atMs, entry.atMs - visibilityMs * answerShare);
      delivery.heldUntilMs = Math.max(delivery.heldUntilMs, beganMs + visibilityMs);
      delivery.mayBeHeldUntilMs = Math.max(delivery.mayBeHeldUntilMs, delivery.heldUntilMs);
      if (delivery.arrivedMs !== undefined) continue;
      delivery.arrivedMs = entry.atMs;
      delivery.arrival = this.#arrivals++;
      delivery.late = entry.late;
      if (consumer.blockedUntilMs >= delivery.handedOutMs) delivery.touched = true;
      consumer.hand.add(delivery);
    }
  }

  #handlerStarted(entry: EntryOf<"handlerStarted">): void {
    const consumer = this.consumer(entry.consumer);
    const delivery = this.deliveries.get(entry.delivery);
    const run: Run = {
      number: entry.run,
      batch: entry.batch,
      consumer,
      delivery,
      startedMs: entry.atMs,
      abortedMs: undefined,
      abortCode: undefined,
      endedMs: undefined,
      end: undefined,
    };
    this.runs.set(entry.run, run);
    consumer.runs.add(run);
    if (delivery !== undefined) delivery.run = run;
    if (entry.batch === undefined) return;
    const batch = this.batches.get(entry.batch) ?? [];
    batch.push(run);
    this.batches.set(entry.batch, batch);
  }

  #handlerAborted(entry: EntryOf<"handlerAborted">): void {
    const run = this.runs.get(entry.run);
    // Once it has ended, nobody is told anything.
    if (run === undefined || run.endedMs !== undefined) return;
    run.abortedMs = entry.atMs;
    run.abortCode = entry.code;
  }

  #handlerEnded(entry: EntryOf<"handlerEnded">): void {
    const run = this.runs.get(entry.run);
    if (run === undefined) return;
    run.endedMs = entry.atMs;
    run.end = this.#isOverruled(run) ? { how: "threw" } : entry.end;
    run.consumer.runs.delete(run);
    const stored = this.messages.get(run.delivery?.messageId ?? "");
    if (stored !== undefined && run.end.how === "resolved") stored.resolved = true;
  }

  /** Whether one before it of its lane failed in the same batch, so that it is to come again whatever it says. */
  #isOverruled({ batch, number, delivery }: Run): boolean {
    if (batch === undefined || delivery?.lane === undefined) return false;
    if (delivery.consumer?.facts.lanes === "none") return false;
    for (const other of this.batches.get(batch) ?? []) {
      if (other.number === number) return false;
      if (other.delivery?.lane !== delivery.lane || other.end === undefined) continue;
      if (other.end.how !== "resolved") return true;
    }
    return false;
  }
}
