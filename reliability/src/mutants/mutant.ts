/**
 * Owns the planting of one mutation: a copy of the built packages with the fault in it, in a temporary
 * directory. It never runs it, and never touches the packages themselves.
 */
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { UsageError } from "programs";
import type { Mutation } from "./mutation.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
/** Copied, so that they load the mutated library; what they depend on is linked. */
const copied: Readonly<Record<string, string>> = {
  millrace: "packages/millrace",
  "@millrace/local-sqs": "packages/local-sqs",
  reliability: "reliability",
};
/** What a copy consists of. */
const parts = ["package.json", "dist"];

/** The mutation cannot be planted, and makes no sense any more: the library has changed since it was written. */
export class StaleMutationError extends UsageError {
  constructor({ name, file }: Mutation, found: number) {
    super(`"${name}": its text stands ${found} times in ${file}, not once; renew the mutation`);
    this.name = "StaleMutationError";
  }
}

/**
 * What the file becomes.
 *
 * @throws StaleMutationError when its text does not stand there exactly once.
 */
export async function mutate(mutation: Mutation): Promise<string> {
  const text = await readFile(join(root, "packages/millrace/dist", mutation.file), "utf8");
  const pieces = text.split(mutation.find);
  const [before, after] = pieces;
  if (before === undefined || after === undefined || pieces.length !== 2) {
    throw new StaleMutationError(mutation, pieces.length - 1);
  }
  return before + mutation.replace + after;
}

/** A mutated copy; disposing of it removes it. */
export class Mutant {
  /** The program of a thread that runs seeds on it. */
  readonly worker: URL;
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
    const path = join(directory, "node_modules/reliability/dist/simulation/seed-worker.js");
    this.worker = pathToFileURL(path);
  }

  /** @throws StaleMutationError */
  static async plant(mutation: Mutation): Promise<Mutant> {
    const text = await mutate(mutation);
    const directory = await mkdtemp(join(tmpdir(), "millrace-mutant-"));
    const mutant = new Mutant(directory);
    try {
      await mutant.#copy();
      await writeFile(join(directory, "node_modules/millrace/dist", mutation.file), text);
      return mutant;
    } catch (error) {
      await mutant[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #copy(): Promise<void> {
    const modules = join(this.#directory, "node_modules");
    await mkdir(join(modules, "@millrace"), { recursive: true });
    const ours = new Set([...Object.keys(copied), "@millrace", ".bin", ".cache"]);
    for (const name of await readdir(join(root, "node_modules"))) {
      if (!ours.has(name)) await symlink(join(root, "node_modules", name), join(modules, name));
    }
    for (const [name, path] of Object.entries(copied)) {
      for (const part of parts) {
        await cp(join(root, path, part), join(modules, name, part), { recursive: true });
      }
      // What npm could not put into the root's node_modules.
      const own = join(root, path, "node_modules");
      if (existsSync(own)) await symlink(own, join(modules, name, "node_modules"));
    }
  }
}
