/**
 * Options: each one's nonsense is refused in the constructor, by name and with what was received; what
 * works at the edges is taken. Nothing is left for the first poll to find out.
 */
import { Consumer, HttpSqs, OptionError } from "millrace";
import { VirtualClock } from "millrace/testing";
import { describe, expect, it } from "vitest";

const sound = { queue: "jobs", handle: (): void => {} };

function make(options: unknown): Consumer {
  return new Consumer(options as ConstructorParameters<typeof Consumer>[0]);
}

const nonsense: Record<string, readonly (readonly [value: unknown, shown: string])[]> = {
  queue: [
    [undefined, "undefined"],
    [null, "null"],
    ["", '""'],
    [42, "42"],
    [{}, "{}"],
    ["not a queue", '"not a queue"'],
    ["ftp://host/queue", '"ftp://host/queue"'],
    ["arn:aws:sns:eu-west-1:123456789012:jobs", '"arn:aws:sns:eu-west-1:123456789012:jobs"'],
    [".fifo", '".fifo"'],
  ],
  orderBy: [
    [null, "null"],
    ["seat", '"seat"'],
    [{}, "{}"],
  ],
  handle: [
    [undefined, "undefined"],
    [null, "null"],
    ["handle", '"handle"'],
    [{}, "{}"],
  ],
  batch: [[{ maxSize: 5 }, '{"maxSize":5}']],
  handleBatch: [
    [null, "null"],
    ["handle", '"handle"'],
  ],
  concurrency: [
    [0, "0"],
    [-1, "-1"],
    [1.5, "1.5"],
    [NaN, "NaN"],
    [Infinity, "Infinity"],
    [10_001, "10001"],
    ["10", '"10"'],
    [10n, "10n"],
    [null, "null"],
  ],
  prefetch: [
    [-1, "-1"],
    [0.5, "0.5"],
    [NaN, "NaN"],
    [110_001, "110001"],
    ["", '""'],
    [null, "null"],
  ],
  waitTimeSeconds: [
    [-1, "-1"],
    [21, "21"],
    [1.5, "1.5"],
    [NaN, "NaN"],
    ["20", '"20"'],
    [null, "null"],
  ],
  visibilityTimeoutSeconds: [
    [0, "0"],
    [-30, "-30"],
    [43_201, "43201"],
    [0.5, "0.5"],
    [Infinity, "Infinity"],
    ["30", '"30"'],
  ],
  handlerTimeoutMs: [
    [0, "0"],
    [-1, "-1"],
    [0.1, "0.1"],
    [Infinity, "Infinity"],
    [43_200_001, "43200001"],
    ["1000", '"1000"'],
  ],
  retry: [
    [null, "null"],
    [5, "5"],
    [{ baseSeconds: 1 }, '{"baseSeconds":1}'],
  ],
  schema: [
    [null, "null"],
    [{}, "{}"],
    [() => true, "a function"],
    [{ "~standard": {} }, '{"~standard":{}}'],
    [{ "~standard": { validate: true } }, '{"~standard":{"validate":true}}'],
  ],
  limits: [
    [null, "null"],
    [() => 1, "a function"],
    [{}, "{}"],
  ],
  sqs: [
    [HttpSqs, "a function"],
    [() => new HttpSqs({ region: "eu-west-1" }), "a function"],
    [null, "null"],
    ["http://127.0.0.1:9324", '"http://127.0.0.1:9324"'],
    [{ call: true }, '{"call":true}'],
    [{ send: () => {} }, "{}"],
  ],
  logger: [
    [null, "null"],
    [{}, "{}"],
    [() => {}, "a function"],
    [{ debug: () => {}, info: () => {}, warn: () => {} }, "{}"],
  ],
  clock: [
    [null, "null"],
    [Date, "a function Date"],
    [{ now: () => 0 }, "{}"],
  ],
  random: [
    [null, "null"],
    [0.5, "0.5"],
  ],
};

function refusal(options: object): OptionError {
  try {
    make(options);
  } catch (error) {
    if (error instanceof OptionError) return error;
    throw error;
  }
  throw new Error("the options were taken");
}

describe("nonsense is refused in the constructor, with what was received:", () => {
  const cases = Object.entries(nonsense).flatMap(([option, values]) =>
    values.map(([value, shown]) => ({ option, value, shown })),
  );

  it.each(cases)("$option: $shown", ({ option, value, shown }) => {
    const thrown = refusal({ ...sound, [option]: value });
    expect(thrown).toMatchObject({ code: "INVALID_OPTION", option, received: value });
    const { message } = thrown;
    expect(message).toContain(`${option} must be `);
    expect(message).toContain(`received ${shown}`);
  });

  it.each([
    ["batch", null, "null"],
    ["batch", 10, "10"],
    ["batch.maxSize", 0, "0"],
    ["batch.maxSize", 1.5, "1.5"],
    ["batch.maxSize", 10_001, "10001"],
    ["batch.maxSize", "10", '"10"'],
    ["batch.maxWaitMs", -1, "-1"],
    ["batch.maxWaitMs", 60_001, "60001"],
    ["batch.maxWaitMs", NaN, "NaN"],
    ["batch.size", 10, "10"],
  ])("%s of a batch handler: %s", (option, value, shown) => {
    const [name = "", part] = option.split(".");
    const batch = part === undefined ? value : { [part]: value };
    const thrown = refusal({ queue: "jobs", handleBatch: () => {}, [name]: batch });
    expect(thrown).toMatchObject({ code: "INVALID_OPTION", option, received: value });
    expect(thrown.message).toContain(`received ${shown}`);
  });

  it("a handler of one beside one of batches, and more in hand than SQS has in flight", () => {
    const handleBatch = (): void => {};
    expect(refusal({ ...sound, handleBatch })).toMatchObject({ option: "handle" });
    const tooMany = { queue: "jobs", handleBatch, concurrency: 20, batch: { maxSize: 10_000 } };
    expect(refusal(tooMany)).toMatchObject({ option: "batch.maxSize", received: 10_000 });
  });

  it("a limit among others, by its place", () => {
    expect(() => make({ ...sound, limits: [() => 1, "ten"] })).toThrow(
      'limits[1] must be a function; received "ten"',
    );
    expect(() => make({ ...sound, limits: [undefined] })).toThrow(
      "limits[0] must be a function; received undefined",
    );
  });

  it("options that are no object", () => {
    for (const options of [undefined, null, "jobs", 1, () => {}]) {
      expect(() => make(options)).toThrow(/^options must be an object; received /);
    }
  });

  it("a name that is none, a misspelt one above all", () => {
    expect(() => make({ ...sound, concurency: 5 })).toThrow(
      "concurency must be left out: there is no such option; received 5",
    );
    expect(() => make({ ...sound, visibilityTimeout: 30 })).toThrow(/^visibilityTimeout must be/);
  });

  it("credentials that end up in the wrong place are not shown", () => {
    const credentials = { accessKeyId: "AKIA", secretAccessKey: "hush", sessionToken: "hush" };
    for (const options of [
      { ...sound, sqs: { region: "eu-west-1", credentials } },
      { ...sound, sqs: credentials },
      { ...sound, client: { config: { password: "hush", apiSecret: "hush" } } },
    ]) {
      expect(() => make(options)).toThrow(/\(not shown\)/);
      expect(() => make(options)).not.toThrow(/hush/);
    }
  });

  it("what cannot be shown is refused all the same", () => {
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    for (const value of [circular, Object.create(null), new Proxy({}, { get: () => fail() })]) {
      expect(() => make({ ...sound, concurrency: value })).toThrow(OptionError);
    }
  });
});

describe("what works is taken", () => {
  const edges: Record<string, readonly unknown[]> = {
    queue: [
      "jobs",
      "Jobs_2-dead",
      "arn:aws:sqs:eu-west-1:123456789012:jobs",
      "arn:aws-cn:sqs:cn-north-1:123456789012:jobs",
      "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
      "http://127.0.0.1:9324/000000000000/jobs",
    ],
    concurrency: [1, 10_000],
    prefetch: [0, 110_000],
    waitTimeSeconds: [0, 20],
    visibilityTimeoutSeconds: [1, 43_200],
    handlerTimeoutMs: [1, 43_200_000],
    retry: [() => 1],
    schema: [{ "~standard": { version: 1, vendor: "mine", validate: () => ({ value: 1 }) } }],
    limits: [[], [() => 1, () => Promise.resolve(2)]],
    sqs: [{ call: () => Promise.reject(new Error("never called")) }],
    logger: [console],
    clock: [new VirtualClock()],
    random: [() => 0.5],
  };
  const cases = Object.entries(edges).flatMap(([option, values]) =>
    values.map((value) => ({ option, value })),
  );

  it.each(cases)("$option: $value", ({ option, value }) => {
    const { health } = make({ ...sound, [option]: value });
    expect(health).toBeTypeOf("function");
  });

  it.each(Object.keys(edges).filter((option) => option !== "queue"))(
    "%s: undefined is as if it were left out",
    (option) => {
      expect(() => make({ ...sound, [option]: undefined })).not.toThrow();
    },
  );

  it("with and without schema", () => {
    const { stats } = new Consumer(sound);
    expect(stats).toBeTypeOf("function");
  });
});

function fail(): never {
  throw new Error("hands off");
}
