/** Options: each one's nonsense is refused before anything is started, by name and with what was received. */
import { LocalPostgresOptionError, startLocalPostgres } from "../src/index.ts";
import { describe, expect, it } from "vitest";

const nonsense: Record<string, readonly (readonly [value: unknown, shown: string])[]> = {
  dir: [
    ["", '""'],
    [null, "null"],
    [7, "7"],
    [["/tmp"], "/tmp"],
    ["a\0b", '"a\\u0000b"'],
  ],
  port: [
    [-1, "-1"],
    [65_536, "65536"],
    [1.5, "1.5"],
    [Number.NaN, "NaN"],
    [Infinity, "Infinity"],
    ["5432", '"5432"'],
    [null, "null"],
    [5432n, "5432"],
  ],
  durable: [
    ["no", '"no"'],
    [0, "0"],
    [null, "null"],
  ],
  signal: [
    [null, "null"],
    ["abort", '"abort"'],
    [{}, "[object Object]"],
    [Object.create(null), "a value of type object"],
  ],
  Port: [[5432, "5432"]],
  directory: [["/tmp/x".repeat(100), '"/tmp/x']],
};

describe("nonsense is refused, with what was received:", () => {
  const cases = Object.entries(nonsense).flatMap(([option, values]) =>
    values.map(([value, shown]) => ({ option, value, shown })),
  );

  it.each(cases)("$option: $shown", async ({ option, value, shown }) => {
    const error: unknown = await startLocalPostgres({ [option]: value }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(LocalPostgresOptionError);
    expect(error).toMatchObject({ code: "INVALID_OPTION", option, received: value });
    const { message } = error as LocalPostgresOptionError;
    expect(message).toContain(`${option} must be `);
    expect(message).toContain(`received ${shown}`);
    expect(message.length).toBeLessThan(250);
  });

  it.each([null, "postgres", 5432, []])("options that are no object: %j", async (options) => {
    await expect(startLocalPostgres(options as never)).rejects.toThrow(
      /^options must be an object; received /,
    );
  });
});
