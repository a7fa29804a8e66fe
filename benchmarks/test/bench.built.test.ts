import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";

const program = fileURLToPath(new URL("../dist/main.js", import.meta.url));

function start(...args: string[]) {
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

it("measures a case, prints its table, and writes results and plots", async () => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  onTestFinished(() => rm(folder, { recursive: true }));
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
