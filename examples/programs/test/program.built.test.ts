import { expect, it } from "vitest";
import { expectOneLine, startProgram } from "programs/testing";

const program = new URL("fixtures/last-words.mjs", import.meta.url);

it("is through although nobody reads its last words", async () => {
  const running = startProgram(program);
  await running.printed(/begun/);
  running.stopReading();
  running.kill("SIGUSR2");
  expect(await running.ended).toMatchObject({ exitCode: 0, stderr: "" });
});

it("says how it is started, and takes options after two dashes", async () => {
  const { exitCode, stdout } = await startProgram(program, ["--help"]).ended;
  expect(stdout).toMatch(/^Usage: npm run last-words -- \[options\]\n/);
  expect(exitCode).toBe(0);
});

it("refuses what it does not know in one line, a guess at what was meant included", async () => {
  const ended = await startProgram(program, ["--hlep"]).ended;
  expectOneLine(ended, 2, "unknown option '--hlep' (Did you mean --help?)");
});
