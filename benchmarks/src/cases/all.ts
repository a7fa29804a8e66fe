/**
 * Owns the list of all cases. It holds nothing of what they do.
 */
import { backlog } from "./backlog.ts";
import type { Case } from "./case.ts";
import { cpuBound } from "./cpu-bound.ts";
import { database } from "./database.ts";
import { growth } from "./growth.ts";
import type { CaseName } from "./names.ts";
import { producer } from "./producer.ts";
import { trickle } from "./trickle.ts";
import { uneven } from "./uneven.ts";

export const cases: Readonly<Record<CaseName, Case>> = {
  backlog,
  uneven,
  trickle,
  database,
  "cpu-bound": cpuBound,
  growth,
  producer,
};
