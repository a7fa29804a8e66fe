/**
 * Owns receipt handles: how they are made, and how a real one of this queue is told from junk and from
 * another queue's. It never knows whether a handle is still good for anything.
 */
import type { Random } from "millrace";

/** What a handle names. */
export interface Receipt {
  /** The message's number in its queue. */
  readonly serial: number;
  /** The number of the receive. */
  readonly receipt: number;
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * The handles of one queue. They look like AWS's, base64 signs included, so that whoever treats them as
 * anything but opaque text is found out; within is a secret of the queue and two numbers.
 */
export class ReceiptHandles {
  readonly #prefix: string;
  /** The last number given out; written by {@link issue}. */
  #issued = 0;

  constructor(random: Random) {
    let secret = "AQEB";
    for (let index = 0; index < 20; index += 1) {
      secret += alphabet.charAt(Math.floor(random() * alphabet.length));
    }
    this.#prefix = `${secret}/`;
  }

  /** The number of a new receive. */
  issue(): number {
    this.#issued += 1;
    return this.#issued;
  }

  format({ serial, receipt }: Receipt): string {
    return `${this.#prefix}${serial.toString(36)}+${receipt.toString(36)}==`;
  }

  /** What the handle names, or undefined when this queue never gave it out. */
  parse(handle: string): Receipt | undefined {
    if (!handle.startsWith(this.#prefix)) return undefined;
    const plus = handle.indexOf("+", this.#prefix.length);
    const serial = Number.parseInt(handle.slice(this.#prefix.length, plus), 36);
    const receipt = Number.parseInt(handle.slice(plus + 1, -2), 36);
    // What is not exactly what would be written for these numbers is junk, whatever parseInt makes of it.
    if (!(receipt <= this.#issued) || this.format({ serial, receipt }) !== handle) return undefined;
    return { serial, receipt };
  }
}
