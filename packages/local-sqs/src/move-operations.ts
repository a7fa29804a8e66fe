/**
 * Owns the operations on message move tasks: their parameters, and who may be a source or a destination.
 * It never moves anything.
 */
import { optionalInteger, required } from "./limits.ts";
import { noSuchResource } from "./move-tasks.ts";
import type { MoveTasks } from "./move-tasks.ts";
import type { Operations } from "./operations.ts";
import type { QueueRegistry } from "./queue-registry.ts";
import type { Queue } from "./queue.ts";
import { Refusal } from "./refusal.ts";

type MoveOperations = Operations<
  "StartMessageMoveTask" | "ListMessageMoveTasks" | "CancelMessageMoveTask"
>;

export function moveOperations(queues: QueueRegistry, tasks: MoveTasks): MoveOperations {
  return {
    StartMessageMoveTask: (input) => {
      const source = find(input.SourceArn, "SourceArn");
      if (queues.sourcesOf(source.arn).length === 0) {
        throw invalid("Source queue must be configured as a Dead Letter Queue.");
      }
      const { DestinationArn: destinationArn } = input;
      const destination =
        destinationArn === undefined ? undefined : find(destinationArn, "DestinationArn");
      if (destination === source) {
        throw invalid("Source queue and destination queue must not be the same.");
      }
      if (destination !== undefined && destination.attributes.fifo !== source.attributes.fifo) {
        throw invalid("Source queue and destination queue must be of the same type.");
      }
      const perSecond = optionalInteger(
        input.MaxNumberOfMessagesPerSecond,
        "MaxNumberOfMessagesPerSecond",
        1,
        500,
      );
      return { TaskHandle: tasks.start({ source, destination, perSecond }) };
    },

    ListMessageMoveTasks: (input) => {
      const source = find(input.SourceArn, "SourceArn");
      const max = optionalInteger(input.MaxResults, "MaxResults", 1, 10) ?? 1;
      return { Results: tasks.list(source.arn, max) };
    },

    CancelMessageMoveTask: (input) => ({
      ApproximateNumberOfMessagesMoved: tasks.cancel(required(input.TaskHandle, "TaskHandle")),
    }),
  };

  function find(arn: string, parameter: string): Queue {
    const queue = queues.findByArn(required(arn, parameter));
    if (queue === undefined) throw noSuchResource(parameter);
    return queue;
  }
}

function invalid(text: string): Refusal {
  return new Refusal("InvalidParameterValue", text);
}
