/**
 * Owns the order of a standard queue: what became visible first comes first, but for noisy tenants, who
 * wait for the quiet ones, and for disorder where it was asked for. It never holds a message back while
 * there is nothing else to hand out.
 */
import type { Random } from "millrace";
import type { Backlog } from "./backlog.ts";
import { Heap, HeapNode } from "./heap.ts";
import { LinkedList } from "./linked-list.ts";
import type { MessageGroup, StoredMessage } from "./message.ts";

/** From how many messages in flight a tenant can be noisy, and from what share of all in flight. */
const noisyFrom = 30;
const noisyShare = 0.1;
/** A noisy tenant that sends nothing for so long is quiet again. */
const calmAfterMs = 300_000;
/** How far from the front a message can be picked when the queue may reorder. */
const reorderWindow = 16;

/**
 * The messages that share a MessageGroupId, which names a tenant on a standard queue.
 *
 * - `quiet`: entered at first, and again when nothing of it is left to hand out, or it has not sent for
 *   five minutes.
 * - `noisy`: entered when it has at least 30 messages in flight, and more than a tenth of all that are.
 *
 * AWS counts processing time as a second sign of noise; this does not.
 */
class Tenant implements MessageGroup {
  readonly id: string | undefined;
  /** The visible ones, in the order in which they became it. */
  readonly messages: LinkedList<StoredMessage> = new LinkedList<StoredMessage>();
  /** All that are in the queue, whatever their state. */
  size = 0;
  inFlight = 0;
  noisy = false;
  lastSentMs = 0;
  /** Where it stands among those with something to hand out; in `heap`, undefined when it has nothing. */
  readonly place: HeapNode<Tenant> = new HeapNode<Tenant>(this);
  heap: Heap<Tenant> | undefined = undefined;
  readonly calming: HeapNode<Tenant> = new HeapNode<Tenant>(this);

  constructor(id: string | undefined) {
    this.id = id;
  }
}

/**
 * A fair queue, as AWS has it: see
 * docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html.
 *
 * Messages without a MessageGroupId are each a tenant of their own to AWS, and so never noisy; here they
 * are kept together as one that cannot be.
 */
export class StandardBacklog implements Backlog {
  readonly #tenants = new Map<string, Tenant>();
  readonly #anonymous = new Tenant(undefined);
  /** Quiet tenants by their oldest visible message. */
  readonly #quiet = new Heap<Tenant>();
  /** Noisy tenants by how much they have in flight: the least noisy comes first. */
  readonly #noisy = new Heap<Tenant>();
  /** Noisy tenants by when they become quiet for having sent nothing. */
  readonly #calming = new Heap<Tenant>();
  /** Random where the queue may reorder. */
  readonly #random: Random | undefined;
  /** In flight in the whole queue; written by {@link leave} and {@link enter}. */
  #inFlight = 0;
  /** Messages that became visible so far; written by {@link enter}. */
  #order = 0;

  /** @param random given where messages may be handed out in any order. */
  constructor(random: Random | undefined) {
    this.#random = random;
  }

  add(message: StoredMessage, nowMs: number): void {
    const tenant = this.#tenant(message.content.draft.groupId);
    tenant.size += 1;
    tenant.lastSentMs = nowMs;
    if (tenant.noisy) this.#calming.set(tenant.calming, nowMs + calmAfterMs);
    message.group = tenant;
    this.enter(message);
  }

  leave(message: StoredMessage): void {
    const tenant = tenantOf(message);
    if (message.state === "visible") {
      tenant.messages.remove(message);
      this.#place(tenant);
    } else if (message.state === "inFlight") {
      tenant.inFlight -= 1;
      this.#inFlight -= 1;
      if (tenant.noisy) this.#place(tenant);
    }
  }

  enter(message: StoredMessage): void {
    const tenant = tenantOf(message);
    if (message.state === "visible") {
      this.#order += 1;
      message.order = this.#order;
      tenant.messages.push(message);
      this.#place(tenant);
    } else if (message.state === "inFlight") {
      tenant.inFlight += 1;
      this.#inFlight += 1;
      this.#judge(tenant);
    } else if (message.state === "gone") {
      tenant.size -= 1;
      if (tenant.size === 0 && tenant.id !== undefined) this.#tenants.delete(tenant.id);
    }
  }

  next(_after: StoredMessage | undefined, nowMs: number): StoredMessage | undefined {
    for (let { first } = this.#calming; first !== undefined && first.key <= nowMs;) {
      this.#setNoisy(first.item, false);
      ({ first } = this.#calming);
    }
    const tenant = this.#quiet.first?.item ?? this.#noisy.first?.item;
    let message = tenant?.messages.first;
    if (this.#random === undefined || tenant === undefined) return message;
    const skip = Math.floor(this.#random() * Math.min(tenant.messages.size, reorderWindow));
    for (let skipped = 0; skipped < skip; skipped += 1) message = message?.next;
    return message;
  }

  #tenant(id: string | undefined): Tenant {
    if (id === undefined) return this.#anonymous;
    let tenant = this.#tenants.get(id);
    if (tenant === undefined) {
      tenant = new Tenant(id);
      this.#tenants.set(id, tenant);
    }
    return tenant;
  }

  #judge(tenant: Tenant): void {
    if (tenant.noisy) this.#place(tenant);
    else if (
      tenant.id !== undefined &&
      tenant.inFlight >= noisyFrom &&
      tenant.inFlight > this.#inFlight * noisyShare &&
      tenant.messages.size > 0
    ) {
      this.#setNoisy(tenant, true);
    }
  }

  #setNoisy(tenant: Tenant, noisy: boolean): void {
    tenant.noisy = noisy;
    if (noisy) this.#calming.set(tenant.calming, tenant.lastSentMs + calmAfterMs);
    else this.#calming.remove(tenant.calming);
    this.#place(tenant);
  }

  /** Puts a tenant where it belongs now. */
  #place(tenant: Tenant): void {
    const { first } = tenant.messages;
    if (first === undefined) {
      tenant.heap?.remove(tenant.place);
      tenant.heap = undefined;
      if (tenant.noisy) this.#setNoisy(tenant, false);
      return;
    }
    const heap = tenant.noisy ? this.#noisy : this.#quiet;
    if (tenant.heap !== heap) tenant.heap?.remove(tenant.place);
    tenant.heap = heap;
    heap.set(tenant.place, tenant.noisy ? tenant.inFlight : first.order);
  }
}

function tenantOf({ group }: StoredMessage): Tenant {
  if (group instanceof Tenant) return group;
  throw new TypeError("the message is not in this backlog");
}
