/** Placeholder. */
import type { Results } from "./results.ts";
export async function writePlots(_results: Results, _dir: string): Promise<void> {}
