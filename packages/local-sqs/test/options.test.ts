/** Options: each one's nonsense is refused before anything listens, by name and with what was received. */
import { startLocalSqs, SqsService } from "@millrace/local-sqs";
import { OptionError } from "millrace";
import { describe, expect, it } from "vitest";

/** Objects to being asked for anything at all. */
const prickly: object = new Proxy(
  {},
  {
    get: () => {
      throw new Error("hands off");
    },
  },
);

const ofService: Record<string, readonly unknown[]> = {
  clock: [null, Date, {}, { now: () => 0 }, prickly],
  random: [null, 0.5, "random"],
  region: [null, "", "Nowhere!", 7],
  accountId: [null, "12", 123_456_789_012, "12345678901x"],
  reorder: [null, "false", 0],
  duplicateRate: [null, -0.1, 1.1, Number.NaN, Infinity, "0.5"],
  inFlightLimit: [null, 0, -1, 1.5, Number.NaN, Infinity, "10"],
};

const ofServer: Record<string, readonly unknown[]> = {
  port: [null, -1, 1.5, 65_536, Number.NaN, Infinity, "9324", 9324n],
  // Node takes null for every address of the machine.
  host: [null, "", 0, 127, {}],
  queues: [null, "orders", { name: "orders" }, [null], [7], [{}], [{ name: 1 }]],
  credentials: [null, "AKIA:hush", {}, { accessKeyId: "a" }, [{ secretAccessKey: "hush" }]],
  service: [null, {}, "service", prickly],
};

const unknownNames = { prot: [9324], inflightLimit: [10], "": [1] };

/** A row for each value; the value itself stays out of the test's name, which is made by reading it. */
function rows(
  nonsense: Record<string, readonly unknown[]>,
): { readonly option: string; readonly nth: number; readonly value: () => unknown }[] {
  return Object.entries(nonsense).flatMap(([option, values]) =>
    values.map((value, nth) => ({ option, nth, value: () => value })),
  );
}

function expectRefusal(thrown: unknown, option: string): void {
  expect(thrown).toBeInstanceOf(OptionError);
  expect(thrown).toMatchObject({ code: "INVALID_OPTION", option });
  const { message } = thrown as OptionError;
  expect(message).toMatch(/ must be .*; received ./);
  expect(message).not.toContain("hush");
}

describe("startLocalSqs refuses", () => {
  it.each(rows({ ...ofService, ...ofServer, ...unknownNames, origin: ["http://127.0.0.1:1"] }))(
    "nonsense $nth for $option",
    async ({ option, value }) => {
      const starting = startLocalSqs({ port: 0, [option]: value() });
      expectRefusal(await starting.catch((thrown: unknown) => thrown), option);
    },
  );

  it.each([null, "9324", 9324, []])("options that are no object: %j", async (options) => {
    await expect(startLocalSqs(options as never)).rejects.toThrow(/^options must be an object/);
  });

  it("nothing for being undefined, which is as if it were left out", async () => {
    const names = Object.keys({ ...ofService, ...ofServer }).filter((name) => name !== "port");
    const options = Object.fromEntries(names.map((name) => [name, undefined]));
    const server = await startLocalSqs({ port: 0, ...options });
    await server.stop();
  });
});

describe("SqsService refuses", () => {
  const origins = { origin: [null, "localhost", "http://localhost/", 1] };

  it.each(rows({ ...ofService, ...origins, ...unknownNames }))(
    "nonsense $nth for $option",
    ({ option, value }) => {
      let thrown: unknown;
      try {
        void new SqsService({ [option]: value() });
      } catch (error) {
        thrown = error;
      }
      expectRefusal(thrown, option);
    },
  );
});
