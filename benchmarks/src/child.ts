/**
 * Owns a forked process of ours: its start, what it says, and its certain end. It never knows what it is for.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";

/** What a child's end is reported as when nobody asked for it. */
class ChildEndedError extends Error {
  constructor(name: string, how: string, output: string) {
    const last = output.trim();
    super(`${name} ended by itself (${how})${last === "" ? "" : `: ${last}`}`);
  }
}

export interface ChildOptions<Said> {
  /** For errors. */
  readonly name: string;
  readonly module: URL;
  readonly args?: readonly string[];
  /** Flags of Node itself. */
  readonly nodeArgs?: readonly string[];
  /** Called with whatever the child says. */
  readonly onSaid: (said: Said) => void;
}

/** How much of what a child prints is kept for the error of its end. */
const keptCharacters = 4_000;

/** A child, from its start to {@link Child.end}. */
export class Child<Said> {
  readonly #process: ChildProcess;
  /** Rejects when the child ends without being asked to; never resolves. */
  readonly failed: Promise<never>;
  readonly #exited: Promise<void>;
  /** Set by end. */
  #ending = false;

  constructor({ name, module, args = [], nodeArgs = [], onSaid }: ChildOptions<Said>) {
    this.#process = fork(module, args, {
      execArgv: [...nodeArgs],
      // Out of the reach of a terminal's Ctrl-C: it is the suite that ends it, in order.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...process.env, NODE_ENV: "production", AWS_REGION: "us-east-1" },
    });
    let output = "";
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-keptCharacters);
      });
    }
    this.#process.on("message", onSaid);
    this.failed = new Promise((_, reject) => {
      this.#process.once("error", reject);
      this.#process.once("exit", (code, signal) => {
        if (!this.#ending) reject(new ChildEndedError(name, signal ?? `exit code ${code}`, output));
      });
    });
    // Whoever waits for something of the child races it against this; when nobody does, nobody is hurt.
    this.failed.catch(() => {});
    this.#exited = new Promise((resolve) => {
      this.#process.once("exit", () => resolve());
      this.#process.once("error", () => resolve());
    });
  }

  tell(message: object): void {
    // The callback: that it has ended meanwhile shows in `failed`.
    this.#process.send(message, () => {});
  }

  /** Ends it at once: a child holds nothing that would have to be put away. Resolves when it is gone. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#process.kill("SIGKILL");
    await this.#exited;
  }

  /** Has it end by itself, as children do when nobody listens to them: only so does it write a profile. */
  async leave(): Promise<void> {
    this.#ending = true;
    if (this.#process.connected) this.#process.disconnect();
    await this.#exited;
  }
}
