import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench } from "../dist/bench.js";
import { Database } from "../dist/database.js";
import { Endpoint } from "../dist/endpoint/endpoint.js";

describe("Bench", () => {
  let endpoint: Endpoint;
  let bench: Bench;
  beforeEach(async () => {
    const { signal } = new AbortController();
    endpoint = await Endpoint.start();
    bench = new Bench(endpoint, new Database(signal), signal);
  });
  afterEach(() => endpoint[Symbol.asyncDispose]());

  it.each(["millrace", "squiss-ts", "undici-loop"] as const)(
    "counts as the warm-up of %s what it was handed before it said that it had started",
    async (peer) => {
      // The next message comes in a quarter of an hour: a warm-up that misses one of the 100 is not over before.
      const [observed] = await bench.observe({
        peer,
        queue: { messages: { ready: 100, perSecond: 0.001 } },
        warmUp: { messages: 100 },
        measure: { ms: 0 },
      });
      expect(observed?.peer.messages).toBe(0);
    },
  );

  it("measures the same messages of every peer", async () => {
    for (const peer of ["millrace", "sqs-consumer", "sdk-loop"] as const) {
      const [observed] = await bench.observe({
        peer,
        slots: 10, // One after another, so that no message overtakes another.
        queue: { messages: { ready: 100, perSecond: 500 } },
        work: { kind: "latency", first: 101, last: 120 },
        warmUp: { messages: 100 },
        measure: { messages: 20 },
      });
      expect(observed?.peer.work).toMatchObject({ counted: 20, p50Ms: expect.any(Number) });
    }
  });

  it("gives sqs-consumer one message at a time where there is one handler", async () => {
    const [observed] = await bench.observe({
      peer: "sqs-consumer",
      slots: 1,
      warmUp: { messages: 10 },
      measure: { messages: 200 },
    });
    const { requests, deleted } = observed?.endpoint ?? { requests: 0, deleted: 0 };
    expect(requests / deleted).toBeCloseTo(2, 1);
  });

  it("shows that all handlers blocked for longer than the visibility timeout", async () => {
    const work = await bench.observeFromStart(
      {
        peer: "millrace-threads",
        slots: 4,
        queue: { messages: "deep", visibilitySeconds: 1, trackLeases: true },
        work: { kind: "hash", rounds: 10_000_000 },
      },
      2_000,
    );
    expect(work.outlasted).toBeGreaterThanOrEqual(4);
    expect(work.leasesLost).toBe(0);
  });
});

/** Packages that a process has loaded which was about to start this peer; of those that are CommonJS, as the SDK is. */
async function loadedFor(peer: string): Promise<string[]> {
  const starters = new URL("../dist/peers/starters.js", import.meta.url);
  const script = `
    import { createRequire } from "node:module";
    const { starters } = await import(${JSON.stringify(starters)});
    await starters[${JSON.stringify(peer)}]();
    const paths = Object.keys(createRequire(import.meta.url).cache);
    console.log(JSON.stringify(paths));`;
  const args = ["--input-type=module", "--eval", script];
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd });
  const paths: string[] = JSON.parse(stdout);
  return paths.map((path) => path.split("node_modules/").at(-1) ?? path);
}

describe("a peer's process", () => {
  it.each([
    "millrace",
    "millrace-batch",
    "millrace-threads",
    "undici-loop",
    "pool-loop",
    "producer",
    "undici-sends",
  ])("loads nothing of the SDK for %s", async (peer) => {
    const loaded = await loadedFor(peer);
    expect(loaded.filter((path) => path.startsWith("@aws-sdk/"))).toEqual([]);
  });

  it("loads the SDK for those that have it", async () => {
    expect((await loadedFor("sdk-loop")).join("\n")).toContain("@aws-sdk/client-sqs/");
  });
});
