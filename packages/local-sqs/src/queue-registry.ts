/**
 * Owns which queues there are, and how they are found: by name, URL or ARN. It never looks into one.
 */
import { cooldownMs, required } from "./limits.ts";
import type { Queue } from "./queue.ts";
import { queueDoesNotExist, Refusal } from "./refusal.ts";

/** What names of queues are completed with. */
export interface Address {
  readonly region: string;
  readonly accountId: string;
}

/** The queues of one account in one region. */
export class QueueRegistry implements Iterable<Queue> {
  readonly #address: Address;
  readonly #byName = new Map<string, Queue>();
  /** Monotonic time from which a deleted queue's name can be used again, ms. */
  readonly #deleted = new Map<string, number>();

  constructor(address: Address) {
    this.#address = address;
  }

  /** In order of creation. */
  [Symbol.iterator](): Iterator<Queue> {
    return this.#byName.values();
  }

  arnOf(name: string): string {
    return `arn:aws:sqs:${this.#address.region}:${this.#address.accountId}:${name}`;
  }

  find(name: string): Queue | undefined {
    return this.#byName.get(name);
  }

  findByArn(arn: string): Queue | undefined {
    const queue = this.#byName.get(arn.slice(arn.lastIndexOf(":") + 1));
    return queue?.arn === arn ? queue : undefined;
  }

  /**
   * The queue of a URL, by its last two segments: proxies and ports change the rest.
   *
   * @throws Refusal
   */
  byUrl(url: string | undefined): Queue {
    const given = required(url, "QueueUrl");
    const nameAt = given.lastIndexOf("/");
    const accountAt = given.lastIndexOf("/", nameAt - 1);
    if (nameAt < 1 || accountAt < 0) {
      throw new Refusal("InvalidAddress", `The address ${given} is not valid for this endpoint.`);
    }
    const queue = this.#byName.get(given.slice(nameAt + 1));
    const isOurs = given.slice(accountAt + 1, nameAt) === this.#address.accountId;
    if (queue === undefined || !isOurs) throw queueDoesNotExist();
    return queue;
  }

  /** @throws Refusal within a minute of the deletion of a queue of this name. */
  requireFree(name: string, nowMs: number): void {
    const freeFromMs = this.#deleted.get(name);
    if (freeFromMs === undefined) return;
    if (freeFromMs > nowMs) {
      throw new Refusal(
        "QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
      );
    }
    this.#deleted.delete(name);
  }

  add(queue: Queue): void {
    this.#byName.set(queue.name, queue);
  }

  delete(queue: Queue, nowMs: number): void {
    this.#byName.delete(queue.name);
    this.#deleted.set(queue.name, nowMs + cooldownMs);
  }

  /** The queues whose dead-letter queue is the one of this ARN. */
  sourcesOf(arn: string): Queue[] {
    return [...this].filter(
      ({ attributes }) => attributes.redrivePolicy?.deadLetterTargetArn === arn,
    );
  }
}
