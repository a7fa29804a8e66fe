import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.ts";
import type { AwsCredentials } from "../../src/sqs/credentials.ts";
import { SqsCredentialsError, SqsServiceError } from "../../src/sqs/errors.ts";
import { HttpSqs } from "../../src/sqs/http-sqs.ts";
import { Bench, credentials, rejection } from "./bench.ts";
import { json, refusal } from "./fault-server.ts";
import type { Reply } from "./fault-server.ts";

const temporary = (serial: number): AwsCredentials => ({
  accessKeyId: `ASIA${serial}`,
  secretAccessKey: `secret-${serial}`,
  sessionToken: `token-${serial}`,
});

/** Refuses every key but this one. */
function only(accessKeyId: string, name = "ExpiredTokenException"): Reply {
  return (response, request) => {
    const known = String(request.headers.authorization).includes(`Credential=${accessKeyId}/`);
    const reply = known ? json({}) : refusal(name, { status: 403 });
    reply(response, request);
  };
}

const hour = 3_600_000;

function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/** Everything of a value that a log could show. */
function shown(value: unknown): string {
  return inspect(value, { depth: 20, showHidden: true, maxStringLength: Infinity });
}

describe("HttpSqs with credentials that expire", () => {
  it("fetches new ones once for all calls that were refused, past any cache, and repeats each once", async () => {
    const asked: unknown[] = [];
    await using bench = await Bench.open({
      credentials: (options) => {
        asked.push(options);
        return Promise.resolve(temporary(asked.length));
      },
    });
    const { server, sqs } = bench;
    server.always(only("ASIA2"));
    await Promise.all(Array.from({ length: 10 }, () => sqs.call("ListQueues", {})));
    expect(asked).toEqual([undefined, { forceRefresh: true }]);
    expect(server.requests).toHaveLength(20);
    expect(server.requests.at(-1)?.headers["x-amz-security-token"]).toBe("token-2");
  });

  it("does not go on when the new ones are refused too", async () => {
    let fetched = 0;
    await using bench = await Bench.open({
      credentials: () => Promise.resolve(temporary(++fetched)),
    });
    bench.server.always(refusal("ExpiredToken", { status: 403 }));
    const error = await rejection(bench.sqs.call("ListQueues", {}));
    expect(error).toMatchObject({ errorName: "ExpiredToken", category: "denied" });
    expect(fetched).toBe(2);
    expect(bench.server.requests).toHaveLength(2);
  });

  it("does not repeat with the same credentials", async () => {
    await using bench = await Bench.open();
    bench.server.always(refusal("ExpiredToken", { status: 403 }));
    expect(await rejection(bench.sqs.call("ListQueues", {}))).toBeInstanceOf(SqsServiceError);
    expect(bench.server.requests).toHaveLength(1);
  });

  it("does not fetch again for keys that are wrong rather than expired", async () => {
    let fetched = 0;
    await using bench = await Bench.open({
      credentials: () => Promise.resolve(temporary(++fetched)),
    });
    bench.server.always(refusal("UnrecognizedClientException", { status: 403 }));
    await rejection(bench.sqs.call("ListQueues", {}));
    expect(fetched).toBe(1);
  });
});

describe("HttpSqs on a machine whose clock is wrong", () => {
  /** SQS at another time: refuses what is signed more than 15 minutes from it. */
  function serverAt(now: () => number, name = "RequestTimeTooSkewed"): Reply {
    return (response, request) => {
      const stamp = String(request.headers["x-amz-date"]).replace(
        /^(....)(..)(..)T(..)(..)(..)Z$/,
        "$1-$2-$3T$4:$5:$6Z",
      );
      const skewed = Math.abs(Date.parse(stamp) - now()) > 900_000;
      const headers = { date: httpDate(now()) };
      const reply = skewed ? refusal(name, { status: 403, headers }) : json({}, headers);
      reply(response, request);
    };
  }

  it.each([
    [hour, "RequestTimeTooSkewed"],
    [-hour, "InvalidSignatureException"],
    [24 * hour, "SignatureDoesNotMatch"],
    [-hour, "RequestExpired"],
  ])("signs with SQS's time after a refusal (%d ms off, %s)", async (offsetMs, name) => {
    await using bench = await Bench.open();
    const { server, sqs, clock } = bench;
    server.always(serverAt(() => clock.now() + offsetMs, name));
    await sqs.call("ListQueues", {});
    expect(server.requests).toHaveLength(2);
    await sqs.call("ListQueues", {});
    expect(server.requests).toHaveLength(3);
  });

  it("follows when the machine's clock is put right", async () => {
    await using bench = await Bench.open();
    const { server, sqs, clock } = bench;
    let offsetMs = hour;
    server.always(serverAt(() => clock.now() + offsetMs));
    await sqs.call("ListQueues", {});
    offsetMs = 0;
    await sqs.call("ListQueues", {});
    await sqs.call("ListQueues", {});
    expect(server.requests).toHaveLength(5);
  });

  it("learns from answers that were no refusal", async () => {
    await using bench = await Bench.open();
    const { server, sqs, clock } = bench;
    server.next(json({}, { date: httpDate(clock.now() + hour) }));
    server.always(serverAt(() => clock.now() + hour));
    await sqs.call("ListQueues", {});
    await sqs.call("ListQueues", {});
    expect(server.requests).toHaveLength(2);
  });

  it("repeats once for all calls that were refused together", async () => {
    await using bench = await Bench.open();
    const { server, sqs, clock } = bench;
    server.always(serverAt(() => clock.now() + hour));
    await Promise.all(Array.from({ length: 5 }, () => sqs.call("ListQueues", {})));
    expect(server.requests).toHaveLength(10);
  });

  it("does not repeat a refusal that the clock is not behind", async () => {
    await using bench = await Bench.open();
    bench.server.always(refusal("SignatureDoesNotMatch", { status: 403 }));
    await rejection(bench.sqs.call("ListQueues", {}));
    expect(bench.server.requests).toHaveLength(1);
  });

  it("does not go round in circles when the refusal stays", async () => {
    await using bench = await Bench.open();
    const { server, sqs, clock } = bench;
    let days = 0;
    server.always((response, request) => {
      const headers = { date: httpDate(clock.now() + ++days * 24 * hour) };
      refusal("RequestTimeTooSkewed", { status: 403, headers })(response, request);
    });
    await rejection(sqs.call("ListQueues", {}));
    expect(server.requests).toHaveLength(2);
  });

  it("does not believe a cached Date", async () => {
    await using bench = await Bench.open();
    const { server, sqs, clock } = bench;
    server.next(json({}, { date: httpDate(clock.now() - hour), age: "3600" }));
    server.always(serverAt(() => clock.now()));
    await sqs.call("ListQueues", {});
    await sqs.call("ListQueues", {});
    expect(server.requests).toHaveLength(2);
  });
});

describe("HttpSqs and secrets", () => {
  const secrets = { accessKeyId: "AKIA1", secretAccessKey: "S3cr3tKey", sessionToken: "T0k3n" };

  it("keeps them out of an error in which AWS repeats the signed headers", async () => {
    await using bench = await Bench.open({ credentials: secrets });
    bench.server.always((response, request) => {
      const { authorization } = request.headers;
      const message = `The request signature we calculated does not match: '${authorization}' T0k3n S3cr3tKey.

The Canonical String for this request should have been
'POST
/

x-amz-security-token:T0k3n`;
      refusal("InvalidSignatureException", { status: 403, message })(response, request);
    });
    const error = await rejection(bench.sqs.call("ListQueues", {}));
    expect(error).toBeInstanceOf(SqsServiceError);
    expect(String(error)).toContain("does not match");
    expect(shown(error)).not.toMatch(/T0k3n|S3cr3tKey|Signature=[0-9a-f]|Canonical/);
  });

  it.each(["reset", "truncated", "html"])("keeps them out of a fault (%s)", async (fault) => {
    await using bench = await Bench.open({ credentials: secrets, maxAttempts: 1 });
    bench.server.always((response, { socket }) => {
      if (fault === "reset") socket.resetAndDestroy();
      else if (fault === "html") response.end("<html>T0k3n");
      else response.writeHead(200, { "content-length": "99" }).write("{");
      if (fault === "truncated") socket.end();
    });
    const error = await rejection(
      bench.sqs.call("SendMessage", { QueueUrl: "http://h/1/q", MessageBody: "private" }),
    );
    expect(shown(error)).not.toMatch(/T0k3n|S3cr3tKey|AKIA1|AWS4-HMAC|private/);
  });

  it("keeps them out of what is seen of the client", () => {
    expect(shown(new HttpSqs({ credentials: secrets }))).not.toMatch(/T0k3n|S3cr3tKey/);
  });

  it.each([
    { accessKeyId: "AKIA1", secretAccessKey: "S3cr3tKey\n" },
    { accessKeyId: "", secretAccessKey: "S3cr3tKey" },
    { secretAccessKey: "S3cr3tKey" },
    { ...secrets, sessionToken: 7 },
  ])("keeps them out of the error about an option", (wrong) => {
    const error = thrown(() => new HttpSqs({ credentials: wrong as AwsCredentials }));
    expect(error).toBeInstanceOf(OptionError);
    expect(shown(error)).not.toContain("S3cr3tKey");
  });

  it("says in one line that there are no credentials, and sends nothing", async () => {
    await using bench = await Bench.open({
      credentials: () =>
        Promise.reject(
          Object.assign(new Error("Could not load credentials from any providers"), {
            $response: { body: "S3cr3tKey" },
          }),
        ),
    });
    const error = await rejection(bench.sqs.call("ListQueues", {}));
    expect(error).toBeInstanceOf(SqsCredentialsError);
    expect(error).toMatchObject({
      category: "denied",
      message: "ListQueues: no AWS credentials: Could not load credentials from any providers",
    });
    expect(shown(error)).not.toContain("S3cr3tKey");
    expect(bench.server.requests).toEqual([]);
  });

  it.each([
    undefined,
    null,
    {},
    { accessKeyId: "A" },
    { accessKeyId: "A\n", secretAccessKey: "s" },
  ])("does not sign with what a provider should not have given: %j", async (given) => {
    await using bench = await Bench.open({
      credentials: () => Promise.resolve(given as AwsCredentials),
    });
    expect(await rejection(bench.sqs.call("ListQueues", {}))).toBeInstanceOf(SqsCredentialsError);
  });

  it("gives up a provider that never answers", async () => {
    await using bench = await Bench.open({ credentials: () => new Promise(() => {}) });
    const call = rejection(bench.sqs.call("ListQueues", {}));
    await bench.clock.advance(25_000);
    expect(await call).toMatchObject({
      code: "SQS_TIMEOUT",
      mayBeApplied: false,
      message: "ListQueues: no answer within 25000 ms: the provider of AWS credentials gave none",
    });
  });

  it("calls again once a provider that hung does answer", async () => {
    let asked = 0;
    await using bench = await Bench.open({
      credentials: () => (asked++ === 0 ? new Promise(() => {}) : Promise.resolve(credentials)),
    });
    const call = rejection(bench.sqs.call("ListQueues", {}));
    await bench.clock.advance(25_000);
    await call;
    await bench.clock.advance(1_000);
    expect(await bench.sqs.call("ListQueues", {})).toEqual({});
  });
});

describe("HttpSqs options", () => {
  it("does not repeat a password in an endpoint", () => {
    const error = thrown(() => new HttpSqs({ endpoint: "http://user:hunter2@localhost" }));
    expect(inspect(error, { depth: 9 })).not.toContain("hunter2");
  });

  it("takes a changed credentials object for what it was", async () => {
    const given = { ...credentials };
    await using bench = await Bench.open({ credentials: given });
    (given as { accessKeyId: string }).accessKeyId = "CHANGED";
    await bench.sqs.call("ListQueues", {});
    expect(bench.server.requests[0]?.headers.authorization).toContain(credentials.accessKeyId);
  });
});

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
