/**
 * Owns the memory of receives that carried a ReceiveRequestAttemptId. It never hands out a message that
 * somebody has touched since.
 */
import type { StoredMessage } from "./message.ts";
import { Recent } from "./recent.ts";

interface Attempt {
  readonly messages: readonly StoredMessage[];
  readonly handles: readonly string[];
}

/** The attempts of one FIFO queue within the last five minutes. */
export class ReceiveAttempts {
  readonly #attempts = new Recent<Attempt>();

  remember(id: string, messages: readonly StoredMessage[], nowMs: number): void {
    const handles = messages.map(({ handle }) => handle);
    this.#attempts.remember(id, { messages, handles }, nowMs);
  }

  /**
   * What this attempt has brought before, if every message of it is still in flight by that receive, and
   * with its visibility as it was.
   */
  find(id: string, nowMs: number): readonly StoredMessage[] | undefined {
    const attempt = this.#attempts.find(id, nowMs);
    const untouched = attempt?.messages.every(
      ({ state, handle, changed }, index) =>
        state === "inFlight" && handle === attempt.handles[index] && !changed,
    );
    return untouched === true ? attempt?.messages : undefined;
  }
}
