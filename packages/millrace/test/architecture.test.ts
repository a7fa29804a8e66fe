import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

/**
 * Which folder of src/ may import which folders, root files and npm packages.
 *
 * `.` is the files that sit in src/ itself. A new folder has no rights until it has a row.
 */
const mayImport: Record<string, readonly string[]> = {
  ".": ["channel", "consumer", "producer", "sqs"],
  channel: ["errors.ts"],
  sqs: [
    "clock.ts",
    "errors.ts",
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
    "random.ts",
    "sqs",
    "@standard-schema/spec",
  ],
  producer: ["channel", "clock.ts", "errors.ts", "random.ts", "sqs"],
  testing: ["clock.ts"],
};

const source = fileURLToPath(new URL("../src", import.meta.url));

function* imports(): Generator<{ file: string; from: string; to: string }> {
  for (const path of readdirSync(source, { recursive: true, encoding: "utf8" })) {
    if (!path.endsWith(".ts")) continue;
    const file = path.replaceAll("\\", "/");
    const from = folder(file);
    const text = readFileSync(join(source, file), "utf8");
    for (const [, specifier = ""] of text.matchAll(
      /(?:\bfrom|\bimport)\s*\(?\s*["']([^"'\n]+)["']/g,
    )) {
      if (specifier.startsWith("node:")) continue;
      const target = specifier.startsWith(".") ? join(dirname(file), specifier) : specifier;
      const to = specifier.startsWith(".") && folder(target) !== "." ? folder(target) : target;
      const sameFolder =
        to === from || (from === "." && specifier.startsWith("./") && folder(target) === ".");
      if (!sameFolder) yield { file, from, to };
    }
  }
}

function folder(file: string): string {
  return file.includes("/") ? file.slice(0, file.indexOf("/")) : ".";
}

it("lets a folder import only what its row allows", () => {
  const violations = [...imports()].filter(({ from, to }) => !mayImport[from]?.includes(to));
  expect(violations).toEqual([]);
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
