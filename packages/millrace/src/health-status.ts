/**
 * Owns the words in which consumers and relays say how they are, and the moment when the word changes. It never
 * judges how they are.
 */

/** Each part says at its own type what leads to which. */
export type HealthStatus = "starting" | "healthy" | "degraded" | "failing" | "stopped";

/** A status, and for people why it is not healthy. */
export interface Judgement {
  readonly status: HealthStatus;
  readonly reason: string | undefined;
}

/** Called when the status has changed. */
export type OnStatusChange = (
  from: HealthStatus,
  to: HealthStatus,
  reason: string | undefined,
) => void;

/** Remembers the status that was told last, `stopped` at first, and tells the next one when it is another. */
export class StatusTeller {
  readonly #onChange: OnStatusChange;
  #told: HealthStatus = "stopped";

  constructor(onChange: OnStatusChange) {
    this.#onChange = onChange;
  }

  tell({ status, reason }: Judgement): void {
    const from = this.#told;
    if (status === from) return;
    this.#told = status;
    this.#onChange(from, status, reason);
  }
}
