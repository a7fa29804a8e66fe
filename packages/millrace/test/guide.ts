/**
 * Owns the running of what the documentation shows: each snippet as it stands, by a process of its own that loads
 * what a user would load. It never changes a word of it.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startLocalSqs } from "@millrace/local-sqs";
import type { LocalSqs } from "@millrace/local-sqs";
import { onTestFinished } from "vitest";

/** Of the repository. */
export const root: string = fileURLToPath(new URL("../../..", import.meta.url));

function read(document: string): string {
  return readFileSync(new URL(document, new URL("../../../", import.meta.url)), "utf8");
}

/** The JavaScript of a document, given by its path in the repository, in order. */
export function snippetsOf(document: string): string[] {
  const text = read(document);
  return [...text.matchAll(/```js\n(.*?)```/gs)].map(([, code = ""]) => code);
}

/** The actions that the policies in a document allow, each once. */
export function actionsOf(document: string): string[] {
  const text = read(document);
  const actions = [...text.matchAll(/```json\n(.*?)```/gs)].flatMap(([, json = ""]) => {
    const policy: Policy = JSON.parse(json);
    return policy.Statement.flatMap(({ Action }) => Action);
  });
  return [...new Set(actions)];
}

interface Policy {
  readonly Statement: readonly { readonly Action: readonly string[] }[];
}

/** The actions that AWS checks for these calls: a batch is covered by its single form. */
export function actionsFor(requests: Readonly<Record<string, number>>): string[] {
  return [...new Set(Object.keys(requests).map((name) => `sqs:${name.replace(/Batch$/, "")}`))];
}

/** What the rows of a document's tables are about, by the heading of their first column: the names in code there. */
export function rowsOf(document: string): Map<string, string[]> {
  const text = read(document);
  const tables = [...text.matchAll(/^\| *(.*?) *\|.*\n\| *-.*\n((?:\|.*\n)+)/gm)];
  return new Map(
    tables.map(([, heading = "", rows = ""]) => [
      heading,
      [...rows.matchAll(/^\|(.*?)\|/gm)].flatMap(([, first = ""]) =>
        [...first.matchAll(/`(.*?)`/g)].map(([, name = ""]) => name),
      ),
    ]),
  );
}

/** A local SQS with a queue `jobs`, for the time of the test; and what programs take it from. */
export async function useLocalSqs(): Promise<{ local: LocalSqs; env: Record<string, string> }> {
  const local = await startLocalSqs({ port: 0, queues: ["jobs"] });
  onTestFinished(() => local.stop());
  return {
    local,
    env: {
      QUEUE_URL: local.queueUrl("jobs"),
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
    },
  };
}

export interface RunningSnippet {
  readonly child: ChildProcess;
  /** Its exit code and signal, once all that it printed is here. */
  readonly exit: Promise<unknown[]>;
  readonly printed: { readonly out: string; readonly err: string };
  /** Resolves when it has printed this, or has ended. */
  printing(text: string | RegExp): Promise<void>;
}

/** Runs node with these arguments; what still runs at the test's end is killed. */
export function runNode(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string = root,
): RunningSnippet {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = once(child, "close");
  const printed = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (printed.err += text));
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await exit;
  });
  return {
    child,
    exit,
    printed,
    printing: async (text) => {
      while (printed.out.search(text) === -1 && child.exitCode === null) {
        await Promise.race([once(child.stdout, "data"), exit]);
      }
    },
  };
}

/** Runs a snippet as a module. */
export function runSnippet(code: string, env: Readonly<Record<string, string>>): RunningSnippet {
  return runNode(["--input-type=module", "--eval", code], env);
}
