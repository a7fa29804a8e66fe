/**
 * Owns `npm run bench:docs`: it writes the figures of results into the documentation. It never measures.
 */
import { readFile, writeFile } from "node:fs/promises";
import { commandLine, run, UsageError } from "programs";
import { documented, whyUnfit } from "./documentation.ts";
import { readResults } from "./results.ts";

const command = commandLine(
  "run bench:docs",
  "Writes the figures of results into docs/benchmarks.md and README.md, between their bench markers.",
)
  .usage("-- [options] [file]")
  .argument("[file]", "the results", "benchmarks/results/latest.json");

await run(command, async () => {
  const [file = ""] = command.processedArgs;
  const results = await readResults(String(file));
  const why = whyUnfit(results);
  if (why !== undefined)
    throw new UsageError(`${String(file)} is not for the documentation: ${why}`);
  for (const document of ["docs/benchmarks.md", "README.md"]) {
    const before = await readFile(document, "utf8");
    const after = documented(before, results);
    if (after === before) continue;
    await writeFile(document, after);
    console.log(`${document} written`);
  }
  return 0;
});
