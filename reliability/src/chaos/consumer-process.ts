/**
 * Owns how a consumer of a soak is started in a process of its own, and asked to end. It never kills one, and never
 * starts another in its place.
 */
import { systemClock } from "millrace";
import { ChildProgram } from "programs";
import type { Exit } from "programs";
import { isConsumerFigures } from "./consumer-job.ts";
import type { ConsumerFigures, ConsumerJob } from "./consumer-job.ts";

/** How a process ended that was asked to. */
export interface CleanStop extends Exit {
  readonly durationMs: number;
  /** Undefined when it did not live to tell them. */
  readonly figures: ConsumerFigures | undefined;
}

/** It is ready when it polls. */
export function startConsumer(job: ConsumerJob): ChildProgram {
  return new ChildProgram({
    file: new URL("./consumer-program.js", import.meta.url),
    // For those who look at a list of processes.
    args: [`of-soak-${process.pid}`, job.name],
    message: job,
    quiet: true,
  });
}

/** SIGTERM, and SIGKILL when it is still there after `withinMs`. */
export async function stopConsumer(consumer: ChildProgram, withinMs: number): Promise<CleanStop> {
  const startedMs = systemClock.monotonicMs();
  const exit = await consumer.stop(withinMs);
  const durationMs = systemClock.monotonicMs() - startedMs;
  const told = await consumer.told;
  return { ...exit, durationMs, figures: isConsumerFigures(told) ? told : undefined };
}
