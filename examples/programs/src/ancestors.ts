/**
 * Owns the look at the processes above this one, without any program that a slim image may lack. It never
 * waits for one of them.
 */
import { readFileSync } from "node:fs";

export interface Ancestor {
  readonly pid: number;
  /** Its command line; undefined where the system does not show it. */
  readonly args: string | undefined;
}

/**
 * The parent of this process first, then the parent's, and so on. Only Linux shows those above the parent;
 * a shell that stands there, between npm and its script, is seldom seen elsewhere: the shells of macOS and
 * the BSDs give way to the one command that they are to run.
 */
export function ancestors(): Ancestor[] {
  const found: Ancestor[] = [];
  let pid: number | undefined = process.ppid;
  while (pid !== undefined && pid > 0) {
    const args = read(pid, "cmdline")?.replaceAll("\0", " ");
    found.push({ pid, args });
    pid = parentOf(pid);
  }
  return found;
}

function parentOf(pid: number): number | undefined {
  const [, parent] = /^PPid:\s*(\d+)$/m.exec(read(pid, "status") ?? "") ?? [];
  return parent === undefined ? undefined : Number(parent);
}

/** Of Linux's process file system; undefined where there is none, or the process has just ended. */
function read(pid: number, file: "cmdline" | "status"): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}
