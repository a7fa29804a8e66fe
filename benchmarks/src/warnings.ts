/**
 * Owns what makes figures worth less, and is to be said next to them. It never leaves a figure out for it.
 */
import type { CaseName } from "./cases/names.ts";
import { catalogue } from "./peers/catalogue.ts";
import type { Results } from "./results.ts";

/** Above this share of a core the endpoint may have held its clients up. */
const highShare = 0.7;

/** What is to be said below the table of a case; nothing as a rule. */
export function busyEndpoint(results: Results, caseName: CaseName): readonly string[] {
  const shares = new Map<string, number>();
  for (const { peer, endpointShare } of results.cases[caseName] ?? []) {
    if (endpointShare <= highShare) continue;
    const { title } = catalogue[peer];
    shares.set(title, Math.max(endpointShare, shares.get(title) ?? 0));
  }
  if (shares.size === 0) return [];
  const who = [...shares].map(([title, share]) => `${title} (${Math.round(share * 100)} %)`);
  return [`The endpoint was busy with most of a core, and may have held up: ${who.join(", ")}.`];
}

/** What is to be said of all of them. */
export function warnings({ machine, hurry, profile }: Results): readonly string[] {
  const { loadAverage, cores } = machine;
  return [
    ...(loadAverage < cores / 2
      ? []
      : [`The machine was busy before the first round (load ${loadAverage}): trust ratios only.`]),
    ...(hurry > 1 ? [`Nothing is held against targets: all was hurried (--hurry ${hurry}).`] : []),
    ...(profile ? ["Nothing is held against targets: profiles were written meanwhile."] : []),
  ];
}
