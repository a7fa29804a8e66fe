/**
 * Owns the watch over the npm that started a program, for the one signal that npm cannot pass on: SIGKILL.
 * It never ends anything itself.
 */
import { execFile } from "node:child_process";
import { systemClock } from "millrace";
import type { Timer } from "millrace";

const lookEveryMs = 1_000;

/**
 * From `begin` on, calls `onGone` once, a second or so after an npm above this process has gone without a
 * word. Where there is none, or no `ps` to find it by, nothing is watched.
 */
export class LauncherWatch implements Disposable {
  readonly #onGone: () => void;
  readonly #over = new AbortController();
  /** Set while a launcher is watched. */
  #timer: Timer | undefined;

  constructor(onGone: () => void) {
    this.#onGone = onGone;
  }

  begin(): void {
    // npm says so to what it runs.
    if (process.env["npm_lifecycle_event"] === undefined) return;
    const { signal } = this.#over;
    execFile("ps", ["-A", "-o", "pid=,ppid=,args="], { signal }, (error, table) => {
      if (error !== null || signal.aborted) return;
      const launchers = npmAbove(process.pid, table);
      if (launchers.length > 0) this.#watch(launchers);
    });
  }

  [Symbol.dispose](): void {
    this.#over.abort();
    this.#timer?.cancel();
  }

  #watch(launchers: readonly number[]): void {
    this.#timer = systemClock.setTimer(() => {
      if (launchers.every(isAlive)) this.#watch(launchers);
      else this.#onGone();
    }, lookEveryMs);
  }
}

/** The processes above `pid` that are npm, in a table of pid, parent's pid and command line. */
export function npmAbove(pid: number, table: string): number[] {
  const parents = new Map<number, { readonly parent: number; readonly args: string }>();
  for (const line of table.split("\n")) {
    const [, own, parent, args = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    if (own !== undefined) parents.set(Number(own), { parent: Number(parent), args });
  }
  const found: number[] = [];
  let at = parents.get(pid)?.parent ?? 0;
  // Process ids fall out of the table at the top, and no chain is longer than it.
  for (let steps = 0; steps < parents.size; steps++) {
    const above = parents.get(at);
    if (above === undefined) break;
    // npm gives itself the title "npm start"; where titles do not show, it is node running npm-cli.js.
    if (/^(?:\S*\/)?npm\b|npm-cli\.js/.test(above.args)) found.push(at);
    at = above.parent;
  }
  return found;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
