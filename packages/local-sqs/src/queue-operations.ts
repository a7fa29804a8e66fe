/**
 * Owns the operations on queues themselves: creating, finding, listing, setting up, emptying, deleting.
 * It never touches a message but by purging all of them.
 */
import { cooldownMs, optionalInteger, required, requireQueueName } from "./limits.ts";
import type { Operations } from "./operations.ts";
import { isQueueAttribute, QueueAttributes, unknownAttribute } from "./queue-attributes.ts";
import type { QueueRegistry } from "./queue-registry.ts";
import { Queue } from "./queue.ts";
import type { QueueContext } from "./queue.ts";
import { checkRedrivePolicy } from "./redrive.ts";
import { invalidValue, queueDoesNotExist, Refusal } from "./refusal.ts";

type QueueOperations = Operations<
  | "CreateQueue"
  | "DeleteQueue"
  | "GetQueueUrl"
  | "ListQueues"
  | "GetQueueAttributes"
  | "SetQueueAttributes"
  | "PurgeQueue"
  | "TagQueue"
  | "UntagQueue"
  | "ListQueueTags"
  | "ListDeadLetterSourceQueues"
>;

/** What is listed at most, and what a page holds unless it is told. */
const maxListed = 1000;
const maxTags = 50;

/** What the operations need besides the queues. */
export interface QueueOperationsContext {
  readonly queue: QueueContext;
  readonly queues: QueueRegistry;
  readonly accountId: string;
  readonly urlOf: (queue: Queue) => string;
}

export function queueOperations(context: QueueOperationsContext): QueueOperations {
  const { queues, urlOf } = context;
  const { clock } = context.queue;

  return {
    CreateQueue: (input) => {
      const name = required(input.QueueName, "QueueName");
      const given = input.Attributes ?? {};
      const attributes = QueueAttributes.create(given);
      requireQueueName(name, attributes.fifo);
      const arn = queues.arnOf(name);
      const existing = queues.find(name);
      if (existing !== undefined) {
        requireSame(existing, attributes, given);
        return { QueueUrl: urlOf(existing) };
      }
      queues.requireFree(name, clock.monotonicMs());
      checkRedrivePolicy(attributes, arn, queues);
      const queue = new Queue(name, arn, attributes, context.queue);
      addTags(queue, input.tags ?? {});
      queues.add(queue);
      return { QueueUrl: urlOf(queue) };
    },

    DeleteQueue: ({ QueueUrl: url }) => {
      const queue = queues.byUrl(url);
      queues.delete(queue, clock.monotonicMs());
      queue.close(queueDoesNotExist());
      return {};
    },

    GetQueueUrl: ({ QueueName: given, QueueOwnerAWSAccountId: owner }) => {
      const queue = queues.find(required(given, "QueueName"));
      const isOurs = owner === undefined || owner === context.accountId;
      if (queue === undefined || !isOurs) throw queueDoesNotExist();
      return { QueueUrl: urlOf(queue) };
    },

    ListQueues: ({ QueueNamePrefix: prefix = "", MaxResults: max, NextToken: after }) => {
      const found = [...queues].filter(({ name }) => name.startsWith(prefix));
      const { page, next } = paginate(found, max, after);
      return {
        ...(page.length > 0 && { QueueUrls: page.map(urlOf) }),
        ...(next !== undefined && { NextToken: next }),
      };
    },

    GetQueueAttributes: ({ QueueUrl: url, AttributeNames: names = [] }) => {
      const queue = queues.byUrl(url);
      for (const name of names) {
        if (name !== "All" && !isQueueAttribute(name)) throw unknownAttribute(name);
      }
      const all = describe(queue);
      const shown = names.includes("All")
        ? all
        : Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
      return Object.keys(shown).length === 0 ? {} : { Attributes: shown };
    },

    SetQueueAttributes: ({ QueueUrl: url, Attributes: given }) => {
      const queue = queues.byUrl(url);
      const attributes = queue.attributes.with(given ?? {});
      if (given["RedrivePolicy"] !== undefined) checkRedrivePolicy(attributes, queue.arn, queues);
      queue.setAttributes(attributes);
      return {};
    },

    PurgeQueue: ({ QueueUrl: url }) => {
      const queue = queues.byUrl(url);
      const nowMs = clock.monotonicMs();
      if (nowMs < queue.purgeableFromMs) {
        const text = `Only one PurgeQueue operation on ${queue.name} is allowed every 60 seconds.`;
        throw new Refusal("PurgeQueueInProgress", text);
      }
      queue.purge(nowMs + cooldownMs);
      return {};
    },

    TagQueue: ({ QueueUrl: url, Tags: tags }) => {
      addTags(queues.byUrl(url), tags ?? {});
      return {};
    },

    UntagQueue: ({ QueueUrl: url, TagKeys: keys }) => {
      const queue = queues.byUrl(url);
      for (const key of keys ?? []) queue.tags.delete(key);
      return {};
    },

    ListQueueTags: ({ QueueUrl: url }) => {
      const { tags } = queues.byUrl(url);
      return tags.size === 0 ? {} : { Tags: Object.fromEntries(tags) };
    },

    ListDeadLetterSourceQueues: ({ QueueUrl: url, MaxResults: max, NextToken: after }) => {
      const { page, next } = paginate(queues.sourcesOf(queues.byUrl(url).arn), max, after);
      return { queueUrls: page.map(urlOf), ...(next !== undefined && { NextToken: next }) };
    },
  };
}

/** @throws Refusal when `given` asks for another value than the queue of this name has. */
function requireSame(
  existing: Queue,
  attributes: QueueAttributes,
  given: Readonly<Record<string, string>>,
): void {
  const difference = existing.attributes.firstDifference(attributes, Object.keys(given));
  if (difference === undefined) return;
  const text = `A queue already exists with the same name and a different value for attribute ${difference}`;
  throw new Refusal("QueueNameExists", text);
}

function describe(queue: Queue): Readonly<Record<string, string>> {
  const { visible, delayed, inFlight } = queue.counts();
  return {
    QueueArn: queue.arn,
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    CreatedTimestamp: String(Math.floor(queue.createdAt / 1000)),
    LastModifiedTimestamp: String(Math.floor(queue.modifiedAt / 1000)),
    ...queue.attributes.values,
  };
}

/** @throws Refusal */
function addTags(queue: Queue, tags: Readonly<Record<string, string>>): void {
  const keys = new Set([...queue.tags.keys(), ...Object.keys(tags)]);
  if (keys.size > maxTags) {
    throw new Refusal("InvalidParameterValue", `A queue can have at most ${maxTags} tags.`);
  }
  for (const [key, value] of Object.entries(tags)) queue.tags.set(key, value);
}

/** By name, so that a token stays good while queues come and go. A token comes only where a size is given. */
function paginate(
  queues: readonly Queue[],
  max: number | undefined,
  after: string | undefined,
): { page: Queue[]; next: string | undefined } {
  const size = optionalInteger(max, "MaxResults", 1, maxListed);
  const afterName = after === undefined ? "" : decodeToken(after);
  const rest = queues
    .filter(({ name }) => name > afterName)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const page = rest.slice(0, size ?? maxListed);
  const last = page.at(-1);
  const more = size !== undefined && last !== undefined && rest.length > page.length;
  return { page, next: more ? btoa(last.name) : undefined };
}

/** @throws Refusal */
function decodeToken(token: string): string {
  try {
    return atob(token);
  } catch {
    throw invalidValue(token, "NextToken", "The token is none that was given out.");
  }
}
