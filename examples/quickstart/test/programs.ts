/** Owns the quickstart's programs as tests run them, and what their summaries say. */
import { programsIn } from "programs/testing";

export type ProgramName = "main" | "local" | "sender" | "consumer";

export const { start, run } = programsIn<ProgramName>(new URL("../dist/", import.meta.url));

/** The figures of the summary, by name. */
export function summaryOf({ stdout }: { readonly stdout: string }): Record<string, string> {
  const [, summary] = stdout.split("Summary\n");
  if (summary === undefined) throw new Error(`there is no summary:\n${stdout}`);
  return Object.fromEntries(
    summary
      .trimEnd()
      .split("\n")
      .map((line) => line.trim().split(/ {2,}/)),
  );
}

/** SQS requests by operation, as the summary has them. */
export function requestsOf(summary: Readonly<Record<string, string>>): Record<string, number> {
  const [, list = ""] = (summary["SQS requests"] ?? "").split(": ");
  return Object.fromEntries(
    list.split(", ").map((item) => {
      const [operation = "", count = ""] = item.split(" ");
      return [operation, Number(count.replaceAll(",", ""))];
    }),
  );
}
