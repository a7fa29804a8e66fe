/**
 * Owns one worker thread, from its start to its end, and the tasks that run in it: whatever becomes of
 * the thread, each of them ends once. It never starts another in its place; the pool does.
 */
import { extname } from "node:path";
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import type { Timer } from "../clock.ts";
import { contained } from "../consumer/logger.ts";
import type { Logger } from "../consumer/logger.ts";
import { restoreOutcome } from "../consumer/outcome.ts";
import { toError } from "../errors.ts";
import { MessageTransferError, WorkerThreadLostError } from "./errors.ts";
import type { ThreadLossReason } from "./errors.ts";
import { packMessage } from "./message-transfer.ts";
import type { ThreadsSettings } from "./options.ts";
import type { FromThread, LogLine, TaskEnd, ThreadData, ToThread } from "./protocol.ts";
import type { Task, TaskHolder } from "./task.ts";
import { pack, unpack } from "./value-transfer.ts";

/**
 * | state | entered when | left when |
 * |---|---|---|
 * | loading | it is made | its module is loaded, or cannot be, or not in time; or it dies |
 * | ready | its handler can be called | it is told to end, or dies |
 * | ending | it is terminated: by a stop, or since a task ignored its abort | it has exited, or is given up |
 * | gone | it has exited, or is given up | never: its tasks have ended |
 */
export type ThreadState = "loading" | "ready" | "ending" | "gone";

/** What a thread was lost of. */
export interface ThreadLoss {
  readonly reason: ThreadLossReason;
  /** For people: a clause. */
  readonly what: string;
  readonly cause: unknown;
}

export interface ThreadParts {
  /** From 1. */
  readonly number: number;
  readonly settings: ThreadsSettings;
  /** Where a line goes whose task is over. */
  readonly logger: () => Logger;
  readonly onReady: () => void;
  /** A task has ended: there is room for another. */
  readonly onRoom: () => void;
  /** Called once, after its tasks have ended. */
  readonly onGone: (loss: ThreadLoss) => void;
}

interface Running {
  readonly task: Task;
  /** Set when the task is told to end. */
  grace: Timer | undefined;
  /** Whether the thread has heard of it. */
  heard: boolean;
}

/** How long a module may take to load. */
const loadWithinMs = 60_000;

/**
 * How long a task may take to end after its abort. With {@link endWithinMs} it is the grace that a consumer
 * gives a handler, so that the task of a thread that had to be ended ends by itself, with the thread's error,
 * and is not left behind.
 */
const abortGraceMs = 4_000;

/** How long a thread may take to end: code outside of JavaScript, such as execSync, cannot be interrupted. */
const endWithinMs = 900;

/** Its neighbour in the same form: .js where the library is built, .ts where Node runs its sources. */
const entry = new URL(`./thread-main${extname(import.meta.url)}`, import.meta.url);

export class Thread implements TaskHolder {
  readonly #parts: ThreadParts;
  readonly #worker: Worker;
  /** Our end of the channel. It keeps no process alive: the worker does, while there is something to wait for. */
  readonly #port: MessagePort;
  readonly #running = new Map<number, Running>();
  readonly #ended: Promise<void>;
  #state: ThreadState = "loading";
  /** Written by the first thing that goes wrong. */
  #loss: ThreadLoss | undefined;
  /** While loading: for the module. While ending: for the exit. */
  #deadline: Timer | undefined;
  #resolveEnded: () => void = () => {};
  #lastId = 0;
  #answered = false;

  /** @throws whatever Node throws when it cannot make a thread at all. */
  constructor(parts: ThreadParts) {
    this.#parts = parts;
    const { number, settings } = parts;
    const { moduleUrl, exportName, resourceLimits, env } = settings;
    const { port1: ours, port2: theirs } = new MessageChannel();
    const workerData: ThreadData = { moduleUrl, exportName, port: theirs };
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#port = ours;
    this.#worker = new Worker(entry, {
      name: `millrace ${number}`,
      workerData,
      transferList: [theirs],
      ...(resourceLimits !== undefined && { resourceLimits }),
      ...(env !== undefined && { env }),
      ...execArgv(),
    });
    this.#port.on("message", (message: FromThread) => this.#receive(message));
    this.#port.on("messageerror", (error) => this.#unreadable(error));
    this.#port.unref();
    this.#worker.on("error", (error: unknown) => this.#lose(crash(error)));
    this.#worker.on("exit", (code) => {
      this.#drain();
      this.#lose({ reason: "exited", what: `it exited with code ${code}`, cause: undefined });
      this.#beGone();
    });
    this.#deadline = settings.clock.setTimer(() => {
      const what = `it was not loaded within ${loadWithinMs} ms`;
      this.#end({ reason: "blocked", what, cause: undefined });
    }, loadWithinMs);
  }

  get state(): ThreadState {
    return this.#state;
  }

  /** How many tasks run in it. */
  get load(): number {
    return this.#running.size;
  }

  /** Whether it was ever given a task. */
  get used(): boolean {
    return this.#lastId > 0;
  }

  /** Whether a task has ever come to an end in it. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Runs a task; only while it is ready. */
  run(task: Task): void {
    task.holder = this;
    task.id = ++this.#lastId;
    const { message, context } = task;
    try {
      const { worker } = context;
      this.#post({ what: "run", id: task.id, worker, message: packMessage(message) });
    } catch (error) {
      task.reject(new MessageTransferError(message.id, { cause: toError(error) }));
      return;
    }
    this.#running.set(task.id, { task, grace: undefined, heard: false });
    // A thread that has nothing to do keeps no process alive.
    if (this.#running.size === 1) this.#worker.ref();
  }

  /** The task is told to end; if it does not, that ends the thread. */
  taskAborted(task: Task): void {
    const running = this.#running.get(task.id);
    if (running === undefined) return;
    this.#post({ what: "abort", id: task.id, reason: pack(task.abortReason) });
    running.grace = this.#parts.settings.clock.setTimer(() => {
      const told = `a task was told to end: ${toError(task.abortReason).message}`;
      this.#end(
        running.heard
          ? { reason: "ignoredAbort", what: `${told}, and did not`, cause: task.abortReason }
          : {
              reason: "blocked",
              what: `${told}, and the thread is blocked`,
              cause: task.abortReason,
            },
      );
    }, abortGraceMs);
  }

  /** Ends the thread, and with it whatever runs there. Resolves when it is gone, within a second. */
  stop(): Promise<void> {
    this.#end({ reason: "stopped", what: "the threads were stopped", cause: undefined });
    return this.#ended;
  }

  /** What the thread said last may still be under way: tasks that have come to their end have. */
  #drain(): void {
    try {
      for (let said = receiveMessageOnPort(this.#port); said !== undefined;) {
        this.#receive(said.message);
        said = receiveMessageOnPort(this.#port);
      }
    } catch (error) {
      this.#unreadable(error);
    }
    this.#port.close();
  }

  #receive(message: FromThread): void {
    try {
      this.#follow(message);
    } catch (error) {
      this.#unreadable(error);
    }
  }

  /** It was about some task, and nobody knows which: all of them are lost with the thread. */
  #unreadable(error: unknown): void {
    this.#end({ reason: "crashed", what: "it sent what cannot be read", cause: error });
  }

  #follow(message: FromThread): void {
    switch (message.what) {
      case "ready":
        this.#becomeReady();
        break;
      case "loadFailed": {
        const { why, thrown } = message;
        this.#end({ reason: "crashed", what: why, cause: thrown && unpack(thrown) });
        break;
      }
      case "heard": {
        const running = this.#running.get(message.id);
        if (running !== undefined) running.heard = true;
        break;
      }
      case "log":
        this.#log(message);
        break;
      default:
        this.#finish(message);
    }
  }

  #becomeReady(): void {
    if (this.#state !== "loading") return;
    this.#deadline?.cancel();
    this.#state = "ready";
    this.#worker.unref();
    this.#parts.onReady();
  }

  /** Also while ending: what a task had done by then is done. */
  #finish(end: TaskEnd): void {
    const running = this.#running.get(end.id);
    if (running === undefined) return;
    const { task } = running;
    if (end.what === "returned") task.resolve(end.value);
    else if (end.what === "gaveOutcome") task.resolve(restoreOutcome(end.outcome));
    else task.reject(unpack(end.thrown, task.abortReason));
    this.#running.delete(end.id);
    running.grace?.cancel();
    this.#answered = true;
    if (this.#running.size === 0 && this.#state === "ready") this.#worker.unref();
    this.#parts.onRoom();
  }

  #log({ id, level, text, data }: LogLine): void {
    const logger = contained(this.#running.get(id)?.task.context.logger ?? this.#parts.logger());
    const fields = data === undefined ? undefined : unpack(data);
    if (fields === undefined) logger[level](text);
    else
      logger[level](
        text,
        typeof fields === "object" && fields !== null ? fields : { data: fields },
      );
  }

  #post(message: ToThread): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window: it has no origin
    this.#port.postMessage(message);
  }

  /** Something went wrong; the first thing that did is what the thread was lost of. */
  #lose(loss: ThreadLoss): void {
    this.#loss ??= loss;
  }

  #end(loss: ThreadLoss): void {
    this.#lose(loss);
    if (this.#state === "ending" || this.#state === "gone") return;
    this.#state = "ending";
    this.#deadline?.cancel();
    this.#deadline = this.#parts.settings.clock.setTimer(() => this.#giveUp(), endWithinMs);
    // Somebody may be waiting for the end, and for nothing else.
    this.#worker.ref();
    // Its exit is listened to.
    void this.#worker.terminate();
  }

  /** It does not end: code outside of JavaScript has it. It will, when that returns. */
  #giveUp(): void {
    const { reason, what, cause } = this.#loss ?? exited;
    this.#loss = { reason, what: `${what}; it cannot be ended yet`, cause };
    this.#worker.unref();
    this.#beGone();
  }

  #beGone(): void {
    if (this.#state === "gone") return;
    this.#state = "gone";
    this.#deadline?.cancel();
    const loss = this.#loss ?? exited;
    const lost = [...this.#running.values()];
    this.#running.clear();
    for (const { task, grace } of lost) {
      grace?.cancel();
      task.reject(lostError(this.#parts.number, loss, task));
    }
    this.#resolveEnded();
    this.#parts.onGone(loss);
  }
}

const exited: ThreadLoss = { reason: "exited", what: "it exited", cause: undefined };

function lostError(number: number, loss: ThreadLoss, task: Task): WorkerThreadLostError {
  // A consumer that stops tells by the cause that the task was interrupted, and has not failed.
  const cause = task.aborted ? task.abortReason : loss.cause;
  const options = cause === undefined ? undefined : { cause };
  const text = `worker thread ${number} was lost while the handler ran: ${loss.what}`;
  return new WorkerThreadLostError(loss.reason, text, options);
}

function crash(error: unknown): ThreadLoss {
  const { message } = toError(error);
  if (error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY") {
    return { reason: "outOfMemory", what: "its memory was used up", cause: error };
  }
  return { reason: "crashed", what: `nothing caught its error: ${message}`, cause: error };
}

/** `node --input-type=module --eval` hands its flags to its threads, which refuse this one for a file. */
function execArgv(): { readonly execArgv?: string[] } {
  return process.execArgv.some((flag) => flag.startsWith("--input-type")) ? { execArgv: [] } : {};
}
