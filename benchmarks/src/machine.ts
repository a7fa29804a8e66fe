/**
 * Owns what is to be known of the machine and of what is measured. It never measures.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, cpus, loadavg, platform, release, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { packagesMeasured } from "./peers/catalogue.ts";
import type { Machine } from "./results.ts";

export function machine(): Machine {
  const all = cpus();
  const [first] = all;
  const [load = Number.NaN] = loadavg();
  return {
    cpu: first?.model.trim() ?? "unknown",
    cores: all.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}, ${arch()}`,
    node: process.version,
    loadAverage: Math.round(load * 100) / 100,
  };
}

/** Versions of the packages that are measured, as they are installed. */
export async function versions(): Promise<Record<string, string>> {
  const found = await Promise.all(
    ["millrace", ...packagesMeasured].map(async (name) => [name, await versionOf(name)] as const),
  );
  return Object.fromEntries(found);
}

/** Not every package lets its package.json be imported: it is looked for above its entry. */
async function versionOf(name: string): Promise<string> {
  const [first = ""] = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (let folder = dirname(first); ; folder = dirname(folder)) {
    try {
      const text = await readFile(join(folder, "node_modules", name, "package.json"), "utf8");
      const { version }: { version: string } = JSON.parse(text);
      return version;
    } catch {
      // Not installed there; further up, perhaps.
      if (folder === dirname(folder)) return "unknown";
    }
  }
}
