/**
 * Owns the hunt for one mutant: seeds are run on it until one fails. It never prints.
 */
import { queueKinds } from "../simulation/run.ts";
import { runSeeds } from "../simulation/seed-pool.ts";
import type { FailedSeed } from "../simulation/seed-pool.ts";
import { Mutant } from "./mutant.ts";
import type { Mutation } from "./mutation.ts";

/** What became of a mutant; `found` is undefined when it survived. */
export interface Hunted {
  readonly mutation: Mutation;
  readonly found: FailedSeed | undefined;
}

/** What is planted to see that a copy without a fault breaks no promise: nothing. */
export const control: Mutation = {
  name: "nothing planted",
  file: "index.js",
  find: 'export { Consumer } from "./consumer/consumer.js";',
  replace: 'export { Consumer } from "./consumer/consumer.js";',
};

/**
 * @param seeds how many it is given at most.
 * @throws StaleMutationError when it cannot be planted; the signal's reason after an abort.
 */
export async function hunt(
  mutation: Mutation,
  seeds: number,
  signal?: AbortSignal,
): Promise<Hunted> {
  await using mutant = await Mutant.plant(mutation);
  const [found] = await runSeeds({
    from: 1,
    count: seeds,
    jobs: 1,
    kinds: mutation.queues ?? queueKinds,
    untilFailure: true,
    worker: mutant.worker,
    signal,
  });
  return { mutation, found };
}
