/**
 * Owns the order of a FIFO queue: groups, which of them may be received from, and their messages in
 * order. It never lets a receive have a message of a group that has others in flight.
 */
import type { Backlog } from "./backlog.ts";
import { LinkedList } from "./linked-list.ts";
import type { Link } from "./linked-list.ts";
import type { MessageGroup, StoredMessage } from "./message.ts";

/**
 * The messages that share a MessageGroupId: all of them, whatever their state, in the order of sending.
 *
 * - `open`: the first one is visible and none is in flight. Entered and left as its messages change.
 * - `closed`: a receive has some, or the first is delayed.
 */
class FifoGroup implements MessageGroup, Link<FifoGroup> {
  readonly id: string;
  readonly messages: LinkedList<StoredMessage> = new LinkedList<StoredMessage>();
  inFlight = 0;
  open = false;
  previous: FifoGroup | undefined = undefined;
  next: FifoGroup | undefined = undefined;

  constructor(id: string) {
    this.id = id;
  }
}

/**
 * Hands out groups in the order in which they opened, and from each as many messages in a row as a
 * receive takes, which is what AWS says it tries.
 *
 * See docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html.
 */
export class FifoBacklog implements Backlog {
  readonly #groups = new Map<string, FifoGroup>();
  /** The open groups, longest open first. */
  readonly #open = new LinkedList<FifoGroup>();

  add(message: StoredMessage): void {
    const id = message.content.draft.groupId ?? "";
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = new FifoGroup(id);
      this.#groups.set(id, group);
    }
    message.group = group;
    group.messages.push(message);
    this.#update(group);
  }

  leave(message: StoredMessage): void {
    const group = groupOf(message);
    if (message.state === "inFlight") group.inFlight -= 1;
  }

  enter(message: StoredMessage): void {
    const group = groupOf(message);
    if (message.state === "inFlight") group.inFlight += 1;
    if (message.state === "gone") group.messages.remove(message);
    this.#update(group);
  }

  next(after: StoredMessage | undefined): StoredMessage | undefined {
    // Its group was open, so that what follows it in the group is not in flight.
    const following = after?.next;
    if (following?.state === "visible") return following;
    return this.#open.first?.messages.first;
  }

  #update(group: FifoGroup): void {
    const open = group.inFlight === 0 && group.messages.first?.state === "visible";
    if (open !== group.open) {
      group.open = open;
      if (open) this.#open.push(group);
      else this.#open.remove(group);
    }
    if (group.messages.size === 0) this.#groups.delete(group.id);
  }
}

function groupOf({ group }: StoredMessage): FifoGroup {
  if (group instanceof FifoGroup) return group;
  throw new TypeError("the message is not in this backlog");
}
