import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { expectOneLine, startNpm, useTemporaryDirectory } from "programs/testing";
import { useTestDatabase } from "../../../test/database.ts";
import { run, start, summaryOf } from "./programs.ts";

const nothingLeft = useTemporaryDirectory();
const databaseUrl = useTestDatabase();

async function query(sql: string): Promise<unknown[]> {
  const client = new Client(databaseUrl());
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe("with SQS and Postgres of its own", () => {
  it("sends, stores, sums up, and leaves nothing behind", async () => {
    const ended = await run("main", ["--count", "40", "--rate", "100", "--workers", "4"]);

    expect(ended).toMatchObject({ exitCode: 0, stderr: "" });
    expect(summaryOf(ended)).toMatchObject({
      sent: "40",
      processed: "40",
      retried: "0",
      "rows in the table": "40",
    });
    // Time, who, what; no colours, since nobody looks on.
    const time = String.raw`^\d\d:\d\d:\d\d\.\d{3}  `;
    expect(ended.stdout).toMatch(new RegExp(`${time}sender      sent hello world 1 to 5$`, "m"));
    expect(ended.stdout).toMatch(new RegExp(`${time}receiver    received \\d+ messages$`, "m"));
    expect(ended.stdout).toMatch(
      new RegExp(`${time}worker [1-4]    started   hello world 1$`, "m"),
    );
    expect(ended.stdout).toMatch(
      new RegExp(`${time}worker [1-4]    finished  hello world 40 in [\\d,.]+ m?s$`, "m"),
    );
    await nothingLeft();
  });

  it("leaves at once at the second Ctrl-C", async () => {
    const program = start("main", ["--rate", "20", "--work", "60000"]);
    await program.printed(/started {3}hello world 1/);
    program.kill("SIGINT");
    await program.printed(/stopping, with \d+ in hand/);
    program.kill("SIGINT");
    const ended = await program.ended;

    expect(ended).toMatchObject({ exitCode: 130, stderr: "" });
    expect(ended.stdout).not.toContain("Summary");
    await nothingLeft();
  });

  it("takes Postgres and its data along when it is killed", async () => {
    const program = start("main", ["--rate", "20"]);
    await program.printed(/finished {2}hello world 1/);
    program.kill("SIGKILL");
    await program.ended;
    await nothingLeft();
  });

  it("gives the start up at Ctrl-C", async () => {
    const program = start("main");
    await program.printed(/sqs/);
    program.kill("SIGINT");
    const ended = await program.ended;
    expect(ended.exitCode).toBe(130);
    expect(ended.stderr).toBe("error: interrupted by SIGINT\n");
    await nothingLeft();
  });
});

describe("by npm, which stands between the terminal and the program", () => {
  it("drains at Ctrl-C, which npm passes on once more, and says nothing else", async () => {
    const npm = startNpm("start");
    await npm.printed(/started {3}hello world 1/);
    npm.killGroup("SIGINT");
    const ended = await npm.ended;
    expect(ended.stderr.replaceAll(/^npm warn .*\n/gm, "")).toBe("");
    expect(summaryOf(ended)["rows in the table"]).toBe(summaryOf(ended)["processed"]);
    await nothingLeft();
  });

  it("ends, with its Postgres, when npm is killed", async () => {
    // Far longer than anybody would wait: what runs is given up after a few seconds.
    const npm = startNpm("start", "--", "--work", "60000");
    await npm.printed(/started {3}hello world 1/);
    npm.kill("SIGKILL");
    await npm.printed(/released [1-9]/);
    await npm.printed(/rows in the table/);
    await nothingLeft();
  });
});

describe("with the Postgres of DATABASE_URL", () => {
  it("retries what failed until all are rows, and counts no row of an earlier run", async () => {
    const env = { DATABASE_URL: databaseUrl() };
    const args = ["--count", "50", "--rate", "200", "--fail", "0.2", "--workers", "8"];
    const first = await run("main", args, env);
    expect(first).toMatchObject({ exitCode: 0, stderr: "" });
    const { host, pathname, password } = new URL(databaseUrl());
    expect(first.stdout).toContain(`the one of DATABASE_URL: ${host}${pathname}\n`);
    expect(first.stdout).not.toContain(password);
    expect(first.stdout).toMatch(
      /retry       hello world \d+ comes again in [1-4] s: a pretended failure/,
    );
    expect(first.stdout).toMatch(/started {3}hello world \d+ \(receive 2\)/);
    const { retried, ...others } = summaryOf(first);
    expect(others).toMatchObject({ processed: "50", "rows in the table": "50" });
    // A fifth of all runs, those of the retries included: 50 / 0.8.
    expect(Number(retried)).toBeGreaterThanOrEqual(12);

    const second = await run("main", ["--count", "50", "--rate", "200"], env);
    expect(second).toMatchObject({ exitCode: 0, stderr: "" });
    expect(summaryOf(second)).toMatchObject({ processed: "50", "rows in the table": "100" });
    expect(await query("SELECT count(DISTINCT message)::int AS n FROM messages")).toEqual([
      { n: 50 },
    ]);
  });

  it("drains at Ctrl-C", async () => {
    const program = start("main", ["--rate", "20", "--work", "400"], {
      DATABASE_URL: databaseUrl(),
    });
    await program.printed(/started {3}hello world 3/);
    program.kill("SIGINT");
    const ended = await program.ended;

    expect(ended).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ended.stdout).toMatch(/stopping, with \d+ in hand/);
    expect(Number(summaryOf(ended)["processed"])).toBeGreaterThanOrEqual(3);
  });

  it("gives up when nothing is stored for long", async () => {
    const args = ["--count", "3", "--rate", "100", "--fail", "1", "--give-up-after", "1"];
    const ended = await run("main", args, { DATABASE_URL: databaseUrl() });
    expectOneLine(ended, 1, "nothing was stored for 1 s, and 3 of 3 are still missing");
    expect(summaryOf(ended)).toMatchObject({ sent: "3", processed: "0" });
  });

  it("needs few requests at a high rate", async () => {
    const args = ["--count", "2000", "--rate", "1000", "--workers", "16"];
    const ended = await run("main", args, { DATABASE_URL: databaseUrl() });
    expect(ended).toMatchObject({ exitCode: 0, stderr: "" });
    const summary = summaryOf(ended);
    expect(summary).toMatchObject({ sent: "2,000", processed: "2,000" });
    const [, consume] = /^(0\.\d+) to consume/.exec(summary["requests a message"] ?? "") ?? [];
    expect(Number(consume)).toBeLessThanOrEqual(0.3);
    // Told in a few lines, not in five thousand.
    expect(ended.stdout).toContain("more than 400 lines a second");
    expect(ended.stdout.split("\n").length).toBeLessThan(2_000);
  });

  it("ends when nobody reads what it prints", async () => {
    const program = start("main", ["--rate", "20"], { DATABASE_URL: databaseUrl() });
    await program.printed(/finished {2}hello world 1/);
    program.stopReading();
    expect(await program.ended).toMatchObject({ exitCode: 0, stderr: "" });
  });

  it("refuses a table messages that is not its own", async () => {
    await query("ALTER TABLE messages RENAME COLUMN message TO body");
    const ended = await run("main", ["--count", "1"], { DATABASE_URL: databaseUrl() });
    expectOneLine(ended, 1, "cannot use the database at 127.0.0.1:");
    expect(ended.stderr).toContain('column "message" does not exist');
  });
});
