/**
 * Owns message move tasks: redrives from dead-letter queues that go on by themselves, at a rate. It
 * never takes a message that somebody else has in flight.
 */
import { Buffer } from "node:buffer";
import type { Clock, MessageMoveTask } from "millrace";
import { newAlarm } from "./alarms.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import type { Ids } from "./ids.ts";
import type { StoredMessage } from "./message.ts";
import type { QueueRegistry } from "./queue-registry.ts";
import type { Queue } from "./queue.ts";
import { redrive } from "./redrive.ts";
import { Refusal } from "./refusal.ts";

/** AWS moves at most so many a second, and as many as it sees fit where no rate is given; here, so many. */
const maxPerSecond = 500;
const shortestTickMs = 100;
/** AWS lists the most recent ten of a queue. */
const rememberedTasks = 10;

/** What a task is started with. */
export interface MoveTaskRequest {
  readonly source: Queue;
  /** Undefined for each message's own source. */
  readonly destination: Queue | undefined;
  readonly perSecond: number | undefined;
}

/**
 * - `RUNNING`: at each tick it moves what its rate allows. Left when it has moved what was there at its
 *   start or there is nothing left; when it is cancelled; when a message has nowhere to go.
 * - `COMPLETED`, `CANCELLED`, `FAILED`: for good. What was moved stays moved.
 *
 * AWS has CANCELLING besides; here cancelling takes no time.
 */
type Status = "RUNNING" | "COMPLETED" | "CANCELLED" | "FAILED";

class MoveTask {
  readonly handle: string;
  readonly request: MoveTaskRequest;
  readonly toMove: number;
  /** Wall-clock time, ms. */
  readonly startedAt: number;
  /** Monotonic time, ms. */
  readonly startedMs: number;
  readonly alarm: Alarm;
  status: Status = "RUNNING";
  moved = 0;
  failure: string | undefined = undefined;

  constructor(handle: string, request: MoveTaskRequest, clock: Clock, onTick: () => void) {
    this.handle = handle;
    this.request = request;
    this.toMove = request.source.counts().visible;
    this.startedAt = clock.now();
    this.startedMs = clock.monotonicMs();
    this.alarm = newAlarm(onTick);
  }
}

/** What the tasks stand in. */
export interface MoveTaskContext {
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly ids: Ids;
  readonly queues: QueueRegistry;
}

/** All tasks of the service. */
export class MoveTasks {
  readonly #context: MoveTaskContext;
  /** By the source's ARN, oldest first. */
  readonly #tasks = new Map<string, MoveTask[]>();

  constructor(context: MoveTaskContext) {
    this.#context = context;
  }

  /**
   * @returns the task's handle.
   * @throws Refusal while another one of the same source runs.
   */
  start(request: MoveTaskRequest): string {
    const { arn } = request.source;
    const tasks = this.#tasks.get(arn) ?? [];
    if (tasks.some(({ status }) => status === "RUNNING")) {
      throw new Refusal(
        "InvalidParameterValue",
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
      );
    }
    const handle = encodeHandle({ taskId: this.#context.ids.next(), sourceArn: arn });
    const task = new MoveTask(handle, request, this.#context.clock, () => this.#tick(task));
    tasks.push(task);
    this.#tasks.set(arn, tasks.slice(-rememberedTasks));
    this.#setNext(task);
    return handle;
  }

  /** The most recent tasks of a source, latest first. */
  list(sourceArn: string, max: number): MessageMoveTask[] {
    const tasks = this.#tasks.get(sourceArn) ?? [];
    return tasks.toReversed().slice(0, max).map(describe);
  }

  /**
   * @returns how many messages were moved before.
   * @throws Refusal when there is no such task, or it has ended.
   */
  cancel(handle: string): number {
    const { sourceArn } = decodeHandle(handle);
    if (this.#context.queues.findByArn(sourceArn) === undefined) throw noSuchResource("SourceArn");
    const task = this.#tasks.get(sourceArn)?.find((each) => each.handle === handle);
    if (task === undefined) {
      throw new Refusal("ResourceNotFoundException", "Task does not exist.");
    }
    if (task.status !== "RUNNING") {
      throw new Refusal("UnsupportedOperation", "Only a task that is RUNNING can be cancelled.");
    }
    this.#end(task, "CANCELLED");
    return task.moved;
  }

  /** Moves what is due by now. The first message comes after one interval, not at once. */
  #tick(task: MoveTask): void {
    const { source, perSecond = maxPerSecond } = task.request;
    const elapsedMs = this.#context.clock.monotonicMs() - task.startedMs;
    const due = Math.min(task.toMove, Math.floor((elapsedMs * perSecond) / 1000));
    if (this.#context.queues.find(source.name) !== source) {
      this.#fail(task, "AWS.SimpleQueueService.NonExistentQueue");
      return;
    }
    while (task.moved < due) {
      const problem = this.#moveOne(task);
      if (problem === "empty") {
        this.#end(task, "COMPLETED");
        return;
      }
      if (problem !== undefined) {
        this.#fail(task, problem);
        return;
      }
      task.moved += 1;
    }
    if (task.moved >= task.toMove) this.#end(task, "COMPLETED");
    else this.#setNext(task);
  }

  /** What stood in the way, or undefined. A message that cannot go anywhere stays where it is. */
  #moveOne({ request }: MoveTask): string | undefined {
    const { ids, clock } = this.#context;
    const message = request.source.peek();
    if (message === undefined) return "empty";
    const to = this.#destination(request, message);
    if (typeof to === "string") return to;
    request.source.take(message);
    redrive(message, to, ids, clock);
    return undefined;
  }

  #destination({ destination }: MoveTaskRequest, { content }: StoredMessage): Queue | string {
    const { queues } = this.#context;
    if (destination === undefined && content.deadLetterSourceArn === undefined) {
      return "CouldNotDetermineMessageSource";
    }
    const to =
      destination === undefined ? queues.findByArn(content.deadLetterSourceArn ?? "") : destination;
    const exists = to !== undefined && queues.find(to.name) === to;
    return exists ? to : "AWS.SimpleQueueService.NonExistentQueue";
  }

  #setNext(task: MoveTask): void {
    const { perSecond = maxPerSecond } = task.request;
    const { alarms, clock } = this.#context;
    const intervalMs = 1000 / perSecond;
    // Slow tasks tick for each message, on its time; fast ones for several together.
    const nextMs =
      intervalMs >= shortestTickMs
        ? task.startedMs + Math.ceil((task.moved + 1) * intervalMs)
        : clock.monotonicMs() + shortestTickMs;
    alarms.set(task.alarm, nextMs);
  }

  #fail(task: MoveTask, reason: string): void {
    task.failure = reason;
    this.#end(task, "FAILED");
  }

  #end(task: MoveTask, status: Status): void {
    task.status = status;
    this.#context.alarms.clear(task.alarm);
  }
}

function describe(task: MoveTask): MessageMoveTask {
  const { source, destination, perSecond } = task.request;
  return {
    Status: task.status,
    SourceArn: source.arn,
    ApproximateNumberOfMessagesMoved: task.moved,
    ApproximateNumberOfMessagesToMove: task.toMove,
    StartedTimestamp: task.startedAt,
    ...(task.status === "RUNNING" && { TaskHandle: task.handle }),
    ...(destination !== undefined && { DestinationArn: destination.arn }),
    ...(perSecond !== undefined && { MaxNumberOfMessagesPerSecond: perSecond }),
    ...(task.failure !== undefined && { FailureReason: task.failure }),
  };
}

interface HandleContent {
  readonly taskId: string;
  readonly sourceArn: string;
}

function encodeHandle(content: HandleContent): string {
  return Buffer.from(JSON.stringify(content)).toString("base64");
}

/** @throws Refusal */
function decodeHandle(handle: string): HandleContent {
  try {
    const content: unknown = JSON.parse(Buffer.from(handle, "base64").toString());
    if (typeof content === "object" && content !== null && "taskId" in content) {
      const { taskId } = content;
      const sourceArn = "sourceArn" in content ? content.sourceArn : undefined;
      if (typeof taskId === "string" && typeof sourceArn === "string") return { taskId, sourceArn };
    }
  } catch {
    // Not JSON: refused below like everything that is no handle.
  }
  throw new Refusal("InvalidParameterValue", "Value for parameter TaskHandle is invalid.");
}

export function noSuchResource(parameter: string): Refusal {
  return new Refusal(
    "ResourceNotFoundException",
    `The resource that you specified for the ${parameter} parameter doesn't exist.`,
  );
}
