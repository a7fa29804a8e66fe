/** Options of the two clients: nonsense is refused when they are made, by name and with what was received. */
import { fromSdk, HttpSqs } from "millrace";
import type { SdkClient } from "millrace";
import { describe, expect, it } from "vitest";
import { expectRefusal, noClocks, noFunctions, noNumbers, prickly, rows } from "../refusals.ts";

const client: SdkClient = { send: () => Promise.reject(new Error("unused")) };

describe("HttpSqs refuses", () => {
  it.each(
    rows({
      region: [null, "", "eu west", "evil.com/", 1, {}],
      endpoint: [null, "", 1, {}, "localhost:9324", "ftp://localhost", "http://h/?a=b", prickly()],
      maxAttempts: [...noNumbers, 0, 1.5, 101],
      connections: [...noNumbers, 0, 1.5, 65_536],
      connectTimeoutMs: [...noNumbers, 0, 3_600_001],
      requestTimeoutMs: [...noNumbers, 0, 3_600_001],
      clock: noClocks,
      random: noFunctions,
      maxAttempt: [3],
      accessKeyId: ["AKIA"],
    }),
  )("nonsense $nth for $option", ({ option, value }) => {
    expectRefusal(() => new HttpSqs({ [option]: value() }), option, value());
  });

  it.each([
    null,
    "",
    "AKIA:hush",
    7,
    {},
    { accessKeyId: "a" },
    { accessKeyId: "", secretAccessKey: "hush" },
  ])("credentials that are none, and shows none of them (%#)", (credentials) => {
    let thrown: unknown;
    try {
      void new HttpSqs({ credentials: credentials as never });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "INVALID_OPTION", option: "credentials" });
    expect(String(thrown)).not.toContain("hush");
  });

  it.each([null, "us-east-1", 7, []])("options that are no object: %j", (options) => {
    expectRefusal(() => new HttpSqs(options as never), "options", options);
  });

  it("nothing at the edges", async () => {
    for (const options of [
      { maxAttempts: 1, connections: 1, connectTimeoutMs: 0.5, requestTimeoutMs: 1 },
      { maxAttempts: 100, connections: 65_535, connectTimeoutMs: 3_600_000 },
      { endpoint: new URL("http://127.0.0.1:9324/path"), region: undefined, clock: undefined },
    ]) {
      await new HttpSqs(options).close();
    }
  });
});

describe("fromSdk refuses", () => {
  it.each(
    rows({ requestTimeoutMs: [...noNumbers, 0, 3_600_001], clock: noClocks, timeoutMs: [5] }),
  )("nonsense $nth for $option", ({ option, value }) => {
    expectRefusal(() => fromSdk(client, { [option]: value() }), option, value());
  });

  it.each([null, undefined, "client", 7])("a client that is none: %j", (given) => {
    expectRefusal(() => fromSdk(given as never), "client", given);
  });

  it("a client that is none, and shows nothing of what is in it", () => {
    for (const given of [{}, { send: true }, { config: { credentials: "hush" } }, new Date()]) {
      expect(() => fromSdk(given as never)).toThrow(/^client must be an SQSClient .* received \{/);
      expect(() => fromSdk(given as never)).not.toThrow(/hush/);
    }
  });

  it.each([null, "30000", 7, []])("options that are no object: %j", (options) => {
    expectRefusal(() => fromSdk(client, options as never), "options", options);
  });
});
