import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";

const bench = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const docs = fileURLToPath(new URL("../dist/docs.js", import.meta.url));

function start(...args: string[]) {
  return startProgram(bench, args);
}

function startProgram(program: string, args: readonly string[]) {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // A process group of its own, as a terminal gives it.
    env: { ...process.env, CI: "true" }, // For which some libraries colour what goes to a pipe.
  });
  const printed = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (printed.err += text));
  const ended = once(child, "close").then(([code]: unknown[]) => code);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { child, printed, ended };
}

/** Processes that were forked by `pid`, as the system knows them. */
async function childrenOf(pid: number | undefined): Promise<string[]> {
  const found = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return found.split(" ").filter((text) => text !== "");
}

async function isAlive(pid: string): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return state !== "" && !/\) [ZX] /.test(state);
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

it("measures a case, prints its table, and writes results and plots", async () => {
  const folder = await temporaryFolder();
  const json = join(folder, "deep", "results.json");
  const peers = ["producer", "undici-sends"].flatMap((peer) => ["--peer", peer]);
  const few = ["--case", "producer", "--quick", "--hurry", "100"];
  const { ended, printed } = start(...few, ...peers, "--json", json, "--plots", folder);
  expect([await ended, printed.err]).toEqual([0, ""]);

  expect(printed.out).toContain("millrace Producer");
  expect(printed.out).toContain("bare SendMessageBatch, undici");
  expect(printed.out).not.toContain("\u001B");
  const results: unknown = JSON.parse(await readFile(json, "utf8"));
  expect(results).toMatchObject({
    rounds: 1,
    hurry: 100,
    profile: false,
    cases: { producer: [{ peer: "producer" }, { peer: "undici-sends" }] },
  });
  const [row] = (results as { cases: { producer: { metrics: object }[] } }).cases.producer;
  expect(row?.metrics).toMatchObject({ requests: { median: expect.closeTo(0.1, 1) } });
  expect(await readdir(folder)).toContain("producer-cpu.svg");
  expect(await readFile(join(folder, "producer-cpu.svg"), "utf8")).toMatch(/^<svg xmlns=/);
});

it("consumes through the endpoint", async () => {
  const few = ["--case", "1", "--peer", "millrace", "--quick", "--hurry", "20"];
  const { ended, printed } = start(...few);
  expect([await ended, printed.err]).toEqual([0, ""]);
  expect(printed.out).toMatch(/millrace +[\d.,]+ +0\.\d+ +[\d,.]+ +\d+/);
});

it("measures nobody else where peers are named, not even side by side", async () => {
  const json = join(await temporaryFolder(), "results.json");
  const few = ["--case", "trickle", "--peer", "undici-loop", "--quick", "--hurry", "20"];
  const { ended, printed } = start(...few, "--json", json);
  expect([await ended, printed.err]).toEqual([0, ""]);
  const { cases }: { cases: object } = JSON.parse(await readFile(json, "utf8"));
  const metrics = { p99Ms: {}, idleRequests: {} };
  expect(cases).toMatchObject({ trickle: [{ peer: "undici-loop", metrics }] });
});

it.each(["millrace", "undici-loop"])(
  "says that the endpoint has died under %s",
  { skip: process.platform !== "linux" },
  async (peer) => {
    const few = ["--case", "2", "--peer", peer, "--quick", "--hurry", "20"];
    const { child, ended, printed } = start(...few, "--rounds", "50");
    let endpoint: string | undefined;
    while (endpoint === undefined && child.exitCode === null) {
      for (const pid of await childrenOf(child.pid)) {
        const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
        if (line.includes("endpoint/process.js")) endpoint = pid;
      }
    }
    // A peer comes after the endpoint: it is under way.
    while ((await childrenOf(child.pid)).length < 2 && child.exitCode === null);
    process.kill(Number(endpoint), "SIGKILL");
    expect([await ended, printed.err]).toEqual([
      1,
      "error: the counting endpoint ended by itself (SIGKILL)\n",
    ]);
  },
);

it("ends all that it started at Ctrl-C", { skip: process.platform !== "linux" }, async () => {
  const { child, ended, printed } = start("--case", "2", "--peer", "millrace", "--rounds", "50");
  let children: string[] = [];
  // The endpoint and the peer. Each look takes a turn of the event loop.
  while (children.length < 2 && child.exitCode === null) children = await childrenOf(child.pid);
  process.kill(-(child.pid ?? Number.NaN), "SIGINT");
  expect([await ended, printed.err]).toEqual([130, "error: interrupted by SIGINT\n"]);
  expect(await Promise.all(children.map(isAlive))).toEqual([false, false]);
});

it.each([
  [["--case", "8"], /'8' is invalid. It must be one of backlog/],
  [["--peer", "nobody"], /'nobody' is invalid/],
  [["--rounds", "0"], /whole number from 1 to 100/],
  [["--nonsense"], /unknown option '--nonsense'/],
  [["--case", "1", "--peer", "producer"], /none of these peers is part of these cases/],
])("refuses %j in one line, with exit code 2", async (args, complaint) => {
  const { ended, printed } = start(...args);
  expect(await ended).toBe(2);
  expect(printed.err).toMatch(complaint);
  expect(printed.err.trim().split("\n")).toHaveLength(1);
});

describe("finds out before it measures that", () => {
  it("results cannot be written to a folder", async () => {
    const folder = await temporaryFolder();
    await expectUnwritable("--json", folder, /^error: --json cannot be written: EISDIR/);
  });

  it.each(["--json", "--plots", "--profile"])(
    "there is a file above what %s names",
    async (option) => {
      const file = join(await temporaryFolder(), "file");
      await writeFile(file, "");
      await expectUnwritable(option, join(file, "deep"), new RegExp(`^error: ${option} cannot be`));
    },
  );

  async function expectUnwritable(option: string, at: string, complaint: RegExp): Promise<void> {
    const { ended, printed } = start("--case", "1", "--rounds", "100", option, at);
    expect(await ended).toBe(2);
    expect(printed.err).toMatch(complaint);
    expect(printed.err.trim().split("\n")).toHaveLength(1);
  }
});

it("leaves the results of before alone when it fails", async () => {
  const folder = await temporaryFolder();
  const [before, none] = [join(folder, "before.json"), join(folder, "none.json")];
  await writeFile(before, "{}");
  for (const json of [before, none]) {
    const { ended } = start("--case", "1", "--peer", "producer", "--json", json);
    expect(await ended).toBe(2);
  }
  expect(await readFile(before, "utf8")).toBe("{}");
  expect(await readdir(folder)).toEqual(["before.json"]);
});

describe("bench:docs", () => {
  it.each([
    ["no JSON", "}", /cannot be read/],
    ["another version", '{"version":1,"cases":{}}', /of the benchmarks: its version is not 2/],
    ["next to nothing", '{"version":2,"cases":{}}', /of the benchmarks: startedAt is no string/],
    ["nothing", "null", /of the benchmarks: it is no object/],
  ])("refuses a file that holds %s, in one line", async (_, text, complaint) => {
    const file = join(await temporaryFolder(), "results.json");
    await writeFile(file, text);
    await expectRefused(file, complaint);
  });

  it("refuses results that were hurried", async () => {
    const json = join(await temporaryFolder(), "results.json");
    const few = ["--case", "7", "--peer", "producer", "--quick", "--hurry", "100"];
    expect(await start(...few, "--json", json).ended).toBe(0);
    await expectRefused(json, /is not for the documentation: they are those of --quick/);
  });

  async function expectRefused(file: string, complaint: RegExp): Promise<void> {
    const { ended, printed } = startProgram(docs, [file]);
    expect(await ended).toBe(2);
    expect(printed.err).toMatch(complaint);
    expect(printed.err.trim().split("\n")).toHaveLength(1);
  }
});
