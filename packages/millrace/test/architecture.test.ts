import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

/**
 * Which folder of src/, or file that sits in src/ itself, may import which folders, such files and npm packages.
 * A new one has no rights until it has a row.
 */
const mayImport: Record<string, readonly string[]> = {
  "index.ts": [
    "channel",
    "clock.ts",
    "consumer",
    "errors.ts",
    "health-status.ts",
    "producer",
    "random.ts",
    "sqs",
  ],
  "clock.ts": [],
  "errors.ts": [],
  "option-checks.ts": ["errors.ts"],
  "events.ts": ["errors.ts"],
  "health-status.ts": [],
  "random.ts": [],
  channel: ["errors.ts"],
  sqs: [
    "channel",
    "clock.ts",
    "errors.ts",
    "option-checks.ts",
    "random.ts",
    "undici",
    "@aws-sdk/client-sqs",
    "@aws-sdk/credential-provider-node",
    "@smithy/config-resolver",
    "@smithy/node-config-provider",
  ],
  consumer: [
    "channel",
    "clock.ts",
    "errors.ts",
    "events.ts",
    "health-status.ts",
    "option-checks.ts",
    "random.ts",
    "sqs",
    "@standard-schema/spec",
  ],
  postgres: [
    "clock.ts",
    "consumer",
    "errors.ts",
    "events.ts",
    "health-status.ts",
    "option-checks.ts",
    "producer",
    "random.ts",
    "sqs",
    "pg",
  ],
  producer: ["channel", "clock.ts", "errors.ts", "option-checks.ts", "random.ts", "sqs"],
  threads: ["clock.ts", "consumer", "errors.ts", "option-checks.ts"],
  testing: ["clock.ts", "random.ts"],
};

const source = fileURLToPath(new URL("../src", import.meta.url));

function* imports(): Generator<{ file: string; from: string; to: string }> {
  for (const path of readdirSync(source, { recursive: true, encoding: "utf8" })) {
    if (!path.endsWith(".ts")) continue;
    const file = path.replaceAll("\\", "/");
    const from = unit(file);
    const text = readFileSync(join(source, file), "utf8");
    for (const [, specifier = ""] of text.matchAll(
      /(?:\bfrom|\bimport)\s*\(?\s*["']([^"'\n]+)["']/g,
    )) {
      if (specifier.startsWith("node:")) continue;
      const to = specifier.startsWith(".") ? unit(join(dirname(file), specifier)) : specifier;
      if (to !== from) yield { file, from, to };
    }
  }
}

/** The same table, as docs/architecture.md has it. A row is for one or several; it leaves slashes and endings out of what it allows. */
function documented(): Record<string, string[]> {
  const document = readFileSync(new URL("../../../docs/architecture.md", import.meta.url), "utf8");
  const [, from = ""] = document.split("### Folders of the library, and what each may import\n");
  const [section = ""] = from.split("\n## ");
  const named = new Map(Object.keys(mayImport).map((name) => [name.replace(/\.ts$/, ""), name]));
  const table: Record<string, string[]> = {};
  for (const [, names = "", allowed = ""] of section.matchAll(/^\| (`.*?) +\| (.*?) +\|/gm)) {
    const rights = allowed.replaceAll(/ \(.*?\)/g, "").split(", ");
    for (const [, owner = ""] of names.matchAll(/`(.*?)\/?`/g)) {
      table[owner] =
        allowed === "nothing of ours"
          ? []
          : rights.map((name) => named.get(name) ?? name).toSorted();
    }
  }
  return table;
}

/** The folder that a file is in, or the file itself when it sits in src/. */
function unit(file: string): string {
  return file.includes("/") ? file.slice(0, file.indexOf("/")) : file;
}

it("lets a folder import only what its row allows", () => {
  const violations = [...imports()].filter(({ from, to }) => !mayImport[from]?.includes(to));
  expect(violations).toEqual([]);
});

it("is what the document says", () => {
  const ours = Object.entries(mayImport).map(([owner, allowed]) => [
    owner,
    allowed.filter((name) => name in mayImport).toSorted(),
  ]);
  expect(documented()).toEqual(Object.fromEntries(ours));
});

it("lets only clock.ts touch the runtime's timers", () => {
  const offenders = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && path !== "clock.ts")
    .filter((path) =>
      /\bset(?:Timeout|Interval)\b|AbortSignal\.timeout|\bDate\.now\b|performance\.now/.test(
        readFileSync(join(source, path), "utf8"),
      ),
    );
  expect(offenders).toEqual([]);
});
