/**
 * Owns one call of the handler, from the moment it is asked for to its one end. It never decides where
 * it runs, nor what an abort leads to: its holder does.
 */
import type { HandlerContext } from "../consumer/handler-call.ts";
import type { Message } from "../consumer/message.ts";

/** Who has a task at the moment: the pool while it waits, the thread while it runs. */
export interface TaskHolder {
  taskAborted(task: Task): void;
}

export interface TaskEnds {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class Task {
  readonly message: Message<unknown>;
  readonly context: HandlerContext;
  /** Written by each that takes it over. */
  holder: TaskHolder;
  /** Its number in its thread; written by the thread. */
  id = 0;
  readonly #signal: AbortSignal;
  readonly #ends: TaskEnds;

  /** The context's signal must not have aborted yet. */
  constructor(
    message: Message<unknown>,
    context: HandlerContext,
    holder: TaskHolder,
    ends: TaskEnds,
  ) {
    this.message = message;
    this.context = context;
    this.holder = holder;
    this.#ends = ends;
    this.#signal = context.signal;
    // The task itself: a listener of its own would be one more closure a task.
    this.#signal.addEventListener("abort", this);
  }

  /** Whether it was told to end. */
  get aborted(): boolean {
    return this.#signal.aborted;
  }

  get abortReason(): unknown {
    return this.#signal.reason;
  }

  /** The signal aborts. */
  handleEvent(): void {
    this.holder.taskAborted(this);
  }

  resolve(value: unknown): void {
    this.#signal.removeEventListener("abort", this);
    this.#ends.resolve(value);
  }

  reject(error: unknown): void {
    this.#signal.removeEventListener("abort", this);
    this.#ends.reject(error);
  }
}
