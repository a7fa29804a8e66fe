/**
 * Owns the list of all faults that are planted. What they are stands in mutations/, by what they are in.
 */
import type { Mutation } from "./mutation.ts";
import { leases } from "./mutations/leases.ts";
import { order } from "./mutations/order.ts";
import { polling } from "./mutations/polling.ts";
import { producing } from "./mutations/producing.ts";
import { settling } from "./mutations/settling.ts";
import { stopping } from "./mutations/stopping.ts";

export const mutations: readonly Mutation[] = [
  ...settling,
  ...leases,
  ...polling,
  ...order,
  ...stopping,
  ...producing,
];
