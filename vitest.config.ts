import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Resolves workspace packages to their sources, so that tests need no build. */
const source = { conditions: ["millrace-source"] };

/** How long a test waits for what it polls for: a bound for what hangs, on machines that are busy too. */
const expectations = { poll: { timeout: 20_000, interval: 20 } };

export default defineConfig({
  ssr: { resolve: source },
  test: {
    globalSetup: ["test/postgres.setup.ts"],
    // Of two cores vitest would use one; the tests of programs wait for processes most of the time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        ssr: { resolve: source },
        test: {
          name: "unit",
          expect: expectations,
          // A bound for what hangs, not for what is slow: a machine may be busy with other things.
          testTimeout: 30_000,
          include: [
            "{packages,examples}/*/test/**/*.test.ts",
            "{reliability,benchmarks}/test/**/*.test.ts",
          ],
          exclude: ["**/*.built.test.ts", "**/node_modules/**"],
        },
      },
      // Worker threads and child processes load plain .js on Node 20, so these tests read dist/.
      {
        test: {
          name: "built",
          expect: expectations,
          include: [
            "{packages,examples}/*/test/**/*.built.test.ts",
            "{reliability,benchmarks}/test/**/*.built.test.ts",
          ],
          testTimeout: 60_000,
        },
      },
    ],
  },
});
