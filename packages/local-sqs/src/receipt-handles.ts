/**
 * Owns receipt handles: how they are made, and how a real one of this queue is told from junk and from
 * another queue's. It never knows whether a handle is still good for anything.
 */
import type { Random } from "millrace";

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

  /** A new handle for the message of this number in the queue. */
  issue(serial: number): string {
    this.#issued += 1;
    return this.#format(serial, this.#issued);
  }

  /**
   * The number of the message that the handle names; nonsense when the handle is not {@link isGenuine},
   * which costs more to find out than to compare it with the message's own.
   */
  serialOf(handle: string): number {
    if (!handle.startsWith(this.#prefix)) return Number.NaN;
    const end = handle.indexOf("+", this.#prefix.length);
    return Number.parseInt(handle.slice(this.#prefix.length, end), 36);
  }

  /** Whether this queue gave the handle out. */
  isGenuine(handle: string): boolean {
    const serial = this.serialOf(handle);
    const receipt = Number.parseInt(handle.slice(handle.lastIndexOf("+") + 1), 36);
    // What is not exactly what would be written for these numbers is junk, whatever parseInt makes of it.
    return receipt >= 1 && receipt <= this.#issued && this.#format(serial, receipt) === handle;
  }

  #format(serial: number, receipt: number): string {
    return `${this.#prefix}${serial.toString(36)}+${receipt.toString(36)}==`;
  }
}
