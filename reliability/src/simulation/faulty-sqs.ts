/**
 * Owns the wire between one process and SQS: how long calls are under way, what goes wrong with them, and
 * the log of it. It never decides which fault befalls a call; see faults.ts.
 */
import { SqsConnectionError, SqsServiceError } from "millrace";
import type { SqsApi, SqsCallOptions, SqsInput, SqsOperation, SqsOutput } from "millrace";
import type { VirtualClock } from "millrace/testing";
import { stamped } from "./bodies.ts";
import type { Draw } from "./draw.ts";
import { drawFault } from "./faults.ts";
import type { FaultKind, FaultPlan } from "./faults.ts";
import type { Log } from "./log.ts";
import type { SimulatedProcess } from "./process.ts";
import { entriesOf, entryAnswers, messagesOf, outcomeOf, takenIn } from "./wire-record.ts";
import type { Deliveries } from "./wire-record.ts";

export interface Wire {
  readonly service: SqsApi;
  readonly clock: VirtualClock;
  readonly log: Log;
  readonly plan: FaultPlan;
  readonly draw: Draw;
  readonly deliveries: Deliveries;
  readonly latencyMs: readonly [number, number];
  /** The numbers of calls, over all wires of a run. */
  readonly nextCall: () => number;
}

/** Beyond the wait that it asked for, nobody waits for a poll as long as this. */
const givenUpAfterMs = 6_000;

/** SQS as one process reaches it. */
export class FaultySqs implements SqsApi {
  readonly #wire: Wire;
  readonly #who: number | "producer";
  readonly #process: SimulatedProcess;

  constructor(wire: Wire, who: number | "producer", process: SimulatedProcess) {
    this.#wire = wire;
    this.#who = who;
    this.#process = process;
  }

  call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    options: SqsCallOptions = {},
  ): Promise<SqsOutput<O>> {
    return new Promise((resolve, reject) => {
      if (this.#process.dead) return;
      const call = new Call<O>(this.#wire, this.#who, this.#process, operation, input, {
        resolve,
        reject,
        signal: options.signal,
      });
      call.begin();
    });
  }
}

interface Caller<Output> {
  readonly resolve: (output: Output) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

/**
 *     begin ──outbound──▶ arrive ──(SQS, perhaps waiting)──▶ depart ──inbound──▶ answer
 */
class Call<O extends SqsOperation> {
  readonly #wire: Wire;
  readonly #process: SimulatedProcess;
  readonly #who: number | "producer";
  readonly #operation: O;
  readonly #input: SqsInput<O>;
  readonly #caller: Caller<SqsOutput<O>>;
  readonly #number: number;
  readonly #fault: FaultKind | undefined;
  readonly #begunMs: number;
  /** Aborts what waits at SQS. */
  readonly #atSqs = new AbortController();
  #phase: "outbound" | "atSqs" | "inbound" | "ended" = "outbound";
  /** The caller has given up. */
  #aborted = false;
  /** Whether SQS hears nothing of an abort, and the answer is lost with it. */
  #strands = false;

  constructor(
    wire: Wire,
    who: number | "producer",
    process: SimulatedProcess,
    operation: O,
    input: SqsInput<O>,
    caller: Caller<SqsOutput<O>>,
  ) {
    this.#wire = wire;
    this.#process = process;
    this.#who = who;
    this.#operation = operation;
    this.#input = input;
    this.#caller = caller;
    this.#number = wire.nextCall();
    this.#begunMs = wire.clock.monotonicMs();
    this.#fault = drawFault(wire.plan, wire.draw, this.#begunMs, who, operation);
  }

  begin(): void {
    const { log, deliveries } = this.#wire;
    const input = this.#input;
    log.add("request", {
      call: this.#number,
      who: this.#who,
      operation: this.#operation,
      about: deliveries.about(input),
      wanted: ("MaxNumberOfMessages" in input ? input.MaxNumberOfMessages : 0) ?? 0,
      waitSeconds: ("WaitTimeSeconds" in input ? input.WaitTimeSeconds : 0) ?? 0,
      visibilitySeconds: ("VisibilityTimeout" in input ? input.VisibilityTimeout : 0) ?? 0,
      attempt: "ReceiveRequestAttemptId" in input ? input.ReceiveRequestAttemptId : undefined,
      fault: this.#fault,
    });
    this.#caller.signal?.addEventListener("abort", this.#onAbort, { once: true });
    const error = this.#refusal();
    if (error !== undefined) this.#inbound(() => this.#fail(error));
    else if (this.#fault === "hung" || this.#fault === "hungUntilAborted") {
      // Half of those that hang have been done.
      if (this.#wire.draw.chance(0.5)) this.#outbound();
    } else this.#outbound();
  }

  readonly #onAbort = (): void => {
    const { log, plan, draw, clock } = this.#wire;
    if (this.#phase === "ended") return;
    this.#aborted = true;
    log.add("aborted", { call: this.#number });
    if (this.#fault === "hung" || this.#fault === "stubbornAnswer") return;
    this.#strands = clock.monotonicMs() < plan.untilMs && draw.chance(plan.strandRate);
    // An answer that is on its way already may still come.
    if (this.#phase === "inbound" && !this.#strands && this.#fault === undefined) return;
    if (!this.#strands) this.#atSqs.abort();
    this.#end(() => this.#caller.reject(this.#caller.signal?.reason));
  };

  #outbound(): void {
    const { clock, draw } = this.#wire;
    const slow = this.#fault === "slowRequest";
    const ms = slow ? draw.magnitude(200, 40_000) : this.#latencyMs();
    clock.setTimer(() => {
      // An abort that is noticed comes before the request has left.
      if (this.#aborted && !this.#strands && this.#phase === "ended") return;
      void this.#arrive();
      if (this.#fault === "twice") {
        // Nobody waits for what the second one is answered.
        clock.setTimer(
          () => void this.#apply(this.#input).catch(() => {}),
          draw.magnitude(1, 5_000),
        );
      }
    }, ms);
  }

  async #arrive(): Promise<void> {
    if (this.#phase === "outbound") this.#phase = "atSqs";
    const fails = this.#fault === "someFail" || this.#fault === "someRefused";
    const some = fails ? this.#failSome() : undefined;
    let output: SqsOutput<O>;
    try {
      output = await this.#apply(some?.input ?? this.#input);
    } catch (error) {
      if (!this.#atSqs.signal.aborted) this.#inbound(() => this.#fail(error));
      return;
    }
    switch (this.#fault) {
      case "hung":
      case "hungUntilAborted":
        return;
      case "lostAfter":
        this.#inbound(() => this.#fail(new SqsConnectionError("reset", this.#operation)));
        return;
      case "failedAfter":
        this.#inbound(() => this.#fail(serviceError(this.#operation, "InternalError", 500)));
        return;
      case "emptyAnswer":
        // The wrong shape is the fault.
        this.#inbound(() => this.#answer({}));
        return;
      case "someUnsaid":
      case "someFail":
      case "someRefused":
      case undefined:
      default:
        this.#inbound(() => this.#answer(this.#garbled(output, some?.failed ?? [])));
    }
  }

  /** Has SQS do it, and logs what it did. */
  async #apply(input: SqsInput<O> | undefined): Promise<SqsOutput<O>> {
    const { service, log, deliveries } = this.#wire;
    // A batch of which nothing is left.
    if (input === undefined) return {};
    const output = await service.call(this.#operation, input, { signal: this.#atSqs.signal });
    log.add("applied", {
      call: this.#number,
      ...outcomeOf(input, output, deliveries),
      handedOut: deliveries.handedOut(output),
      takenIn: takenIn(input, output),
    });
    return output;
  }

  #inbound(then: () => void): void {
    const { clock } = this.#wire;
    if (this.#phase !== "ended") this.#phase = "inbound";
    const slow = this.#fault === "slowAnswer" || this.#fault === "stubbornAnswer";
    const ms = slow ? this.#slownessMs() : this.#latencyMs();
    clock.setTimer(() => this.#process.enter(then), ms);
  }

  /** How long a slow answer is under way; what a poll has brought often longer than anybody waits for it. */
  #slownessMs(): number {
    const { clock, draw } = this.#wire;
    const input = this.#input;
    const waitSeconds = "WaitTimeSeconds" in input ? input.WaitTimeSeconds : undefined;
    if (waitSeconds === undefined || draw.chance(0.5)) return draw.magnitude(200, 40_000);
    const givenUpMs = this.#begunMs + waitSeconds * 1_000 + givenUpAfterMs;
    return Math.max(0, givenUpMs - clock.monotonicMs()) + draw.magnitude(100, 10_000);
  }

  #answer(output: SqsOutput<O>): void {
    const { log, deliveries } = this.#wire;
    const messages = messagesOf(output);
    const brought = deliveries.handedOut(output);
    const marked =
      messages.length === 0
        ? output
        : {
            ...output,
            Messages: messages.map((message, index) =>
              stamped(message, brought[index]?.delivery ?? 0),
            ),
          };
    this.#end(() => {
      log.add("answered", {
        call: this.#number,
        error: undefined,
        late: this.#aborted,
        entries: entryAnswers(this.#input, output),
        brought,
      });
      this.#caller.resolve(marked);
    });
  }

  #fail(error: unknown): void {
    this.#end(() => {
      this.#wire.log.add("answered", {
        call: this.#number,
        error: error instanceof SqsServiceError ? error.errorName : String(error),
        late: this.#aborted,
        entries: [],
        brought: [],
      });
      this.#caller.reject(error);
    });
  }

  #end(settle: () => void): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    this.#caller.signal?.removeEventListener("abort", this.#onAbort);
    settle();
  }

  /** The error of a call that SQS does nothing about. */
  #refusal(): Error | undefined {
    const operation = this.#operation;
    switch (this.#fault) {
      case "lostBefore":
        return new SqsConnectionError("connection refused", operation);
      case "throttled":
        return serviceError(operation, "RequestThrottled", 400);
      case "failedBefore":
        return serviceError(operation, "InternalError", 500);
      case "tokenExpired":
        return serviceError(operation, "ExpiredToken", 403);
      case "denied":
        return serviceError(operation, "AccessDenied", 403);
      case "queueMissing":
        return serviceError(operation, "QueueDoesNotExist", 400);
      default:
        return undefined;
    }
  }

  /** Takes about half of the entries out of a batch; undefined as input when none is left. */
  #failSome(): { readonly input: SqsInput<O> | undefined; readonly failed: readonly string[] } {
    const { draw } = this.#wire;
    const failed: string[] = [];
    const left = entriesOf(this.#input).filter(({ Id }) => {
      const fails = draw.chance(0.5);
      if (fails) failed.push(Id);
      return !fails;
    });
    return { input: left.length === 0 ? undefined : { ...this.#input, Entries: left }, failed };
  }

  /** What the fault makes of the answer. */
  #garbled(output: SqsOutput<O>, failed: readonly string[]): SqsOutput<O> {
    if (failed.length > 0) {
      const SenderFault = this.#fault === "someRefused";
      const Code = SenderFault ? "InvalidParameterValue" : "InternalError";
      const entries = failed.map((Id) => ({ Id, SenderFault, Code }));
      const before = "Failed" in output ? (output.Failed ?? []) : [];
      return { ...output, Failed: [...before, ...entries] };
    }
    if (this.#fault !== "someUnsaid" || !("Successful" in output)) return output;
    const { draw } = this.#wire;
    const said = output.Successful?.filter(() => draw.chance(0.5)) ?? [];
    return { ...output, Successful: said };
  }

  #latencyMs(): number {
    const [min, max] = this.#wire.latencyMs;
    return this.#wire.draw.integer(min, max);
  }
}

function serviceError(operation: string, errorName: string, statusCode: number): SqsServiceError {
  return new SqsServiceError({
    operation,
    errorName,
    text: "on purpose",
    statusCode,
    senderFault: statusCode < 500,
  });
}
