import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { MillraceError, SqsServiceError } from "millrace";
import { seededRandom, VirtualClock } from "millrace/testing";
import { describe, expect, it } from "vitest";
import type { SignedRequest } from "../src/canonical-request.ts";
import { SignatureVerifier } from "../src/signature.ts";
import type { LocalCredentials } from "../src/signature.ts";

const epochMs = Date.UTC(2026, 2, 4, 5, 6, 7);
const windowMs = 15 * 60_000;
const permanent: LocalCredentials = { accessKeyId: "AKIDLOCAL", secretAccessKey: "correct horse" };

/** The `sha256` that a SignatureV4 is given, on node's own. */
class Sha256 {
  readonly #chunks: Buffer[] = [];
  readonly #secret: Buffer | undefined;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret === undefined ? undefined : bytesOf(secret);
  }

  update(data: Uint8Array): void {
    this.#chunks.push(Buffer.from(data));
  }

  digest(): Promise<Uint8Array> {
    const data = Buffer.concat(this.#chunks);
    const algorithm =
      this.#secret === undefined ? createHash("sha256") : createHmac("sha256", this.#secret);
    return Promise.resolve(algorithm.update(data).digest());
  }

  reset(): void {
    this.#chunks.length = 0;
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === "string") return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data);
}

interface SigningOptions {
  readonly credentials?: LocalCredentials;
  readonly region?: string;
  readonly service?: string;
  readonly atMs?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly path?: string;
  readonly query?: Record<string, string | string[]>;
  readonly applyChecksum?: boolean;
  readonly unsigned?: readonly string[];
}

/** Signs as AWS's own signer does. */
async function sign(options: SigningOptions = {}): Promise<SignedRequest> {
  const { path = "/", query = {}, body = "{}", credentials = permanent } = options;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const signer = new SignatureV4({
    credentials: {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    },
    region: options.region ?? "us-east-1",
    service: options.service ?? "sqs",
    sha256: Sha256,
    applyChecksum: options.applyChecksum ?? false,
  });
  const signed = await signer.sign(
    {
      method: "POST",
      protocol: "http:",
      hostname: "127.0.0.1",
      port: 9324,
      path,
      query,
      headers: {
        host: "127.0.0.1:9324",
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "AmazonSQS.SendMessage",
        ...options.headers,
      },
      body,
    },
    {
      signingDate: new Date(options.atMs ?? epochMs),
      unsignableHeaders: new Set(options.unsigned ?? []),
    },
  );
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    [values].flat().map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
  );
  return {
    method: "POST",
    target: pairs.length === 0 ? path : `${path}?${pairs.join("&")}`,
    headers: Object.fromEntries(
      Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), [value]]),
    ),
    body: Buffer.from(body),
  };
}

function verifierOf(...credentials: LocalCredentials[]): {
  verifier: SignatureVerifier;
  clock: VirtualClock;
} {
  const clock = new VirtualClock(epochMs);
  return { verifier: new SignatureVerifier({ credentials, region: "us-east-1", clock }), clock };
}

/** What the verifier throws, if it does. */
function refusal(verifier: SignatureVerifier, request: SignedRequest): unknown {
  try {
    verifier.verify(request, "SendMessage");
    return undefined;
  } catch (error) {
    return error;
  }
}

/** What the verifier says of the request. */
function outcome(verifier: SignatureVerifier, request: SignedRequest): string {
  const error = refusal(verifier, request);
  if (error === undefined) return "verified";
  if (!(error instanceof SqsServiceError)) throw error;
  return `${error.statusCode} ${error.errorName}`;
}

/** The request with other values of a header, or without it. */
function withHeader(request: SignedRequest, name: string, ...values: string[]): SignedRequest {
  const headers = { ...request.headers, [name]: values };
  if (values.length === 0) delete headers[name];
  return { ...request, headers };
}

describe("beside AWS's own signer", () => {
  const random = seededRandom(20_260_304);
  const below = (limit: number): number => Math.floor(random() * limit);
  const textOf = (alphabet: string, length: number): string =>
    Array.from({ length }, () => alphabet[below(alphabet.length)]).join("");
  const visible = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join(
    "",
  );

  const draw = (): SigningOptions & { credentials: LocalCredentials } => ({
    credentials: {
      accessKeyId: textOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 20),
      secretAccessKey: textOf(visible, 1 + below(60)),
      ...(random() < 0.5 ? { sessionToken: textOf("abcXYZ019+/=", 1 + below(300)) } : {}),
    },
    atMs: epochMs + below(1_800_000) - 900_000,
    body: textOf(`${visible}é😀\u0000\n`, below(2000)),
    headers: Object.fromEntries(
      Array.from({ length: below(5) }, (_, index) => [
        `${random() < 0.5 ? "X-Amz-Meta" : "x-other"}-${index}`,
        textOf(`${visible}   `, below(40)),
      ]),
    ),
    path: random() < 0.5 ? "/" : `/${textOf("ab/.%~ ()!*'é".replaceAll(/[ é]/g, "-"), below(20))}`,
    query:
      random() < 0.5 ? {} : { [textOf("aB*(é ", 3)]: textOf("xY=&/ é", 5), b: ["2", "10", "1"] },
    applyChecksum: random() < 0.5,
  });

  it("takes what it signs, and nothing that was changed since, in 200 random requests", async () => {
    for (let round = 0; round < 200; round += 1) {
      const options = draw();
      const { verifier } = verifierOf(permanent, options.credentials);
      const request = await sign(options);
      expect({ options, outcome: outcome(verifier, request) }).toEqual({
        options,
        outcome: "verified",
      });

      const signedNames = (request.headers["authorization"]?.[0] ?? "")
        .replace(/.*SignedHeaders=([^,]*),.*/, "$1")
        .split(";")
        .filter((name) => name !== "x-amz-date" && name !== "x-amz-security-token");
      const name = signedNames[below(signedNames.length)] ?? "host";
      const changed: SignedRequest[] = [
        { ...request, body: Buffer.concat([request.body, Buffer.from(" ")]) },
        { ...request, method: "PUT" },
        { ...request, target: `${request.target}${request.target.includes("?") ? "&" : "?"}z=1` },
        withHeader(request, name, `${request.headers[name]?.[0] ?? ""}x`),
        withHeader(request, name, request.headers[name]?.[0] ?? "", "again"),
      ];
      for (const other of changed) {
        expect({ other, outcome: outcome(verifier, other) }).toEqual({
          other,
          outcome: "403 InvalidSignatureException",
        });
      }
    }
  });
});

describe("a request is refused as by SQS", () => {
  it.each<[string, (request: SignedRequest) => SignedRequest, string]>([
    [
      "when it is not signed",
      (request) => withHeader(request, "authorization"),
      "403 AccessDeniedException",
    ],
    [
      "when it is signed by something else than SigV4",
      (request) => withHeader(request, "authorization", "Bearer abc"),
      "403 AccessDeniedException",
    ],
    [
      "when its algorithm is another",
      (request) =>
        withHeader(
          request,
          "authorization",
          (request.headers["authorization"]?.[0] ?? "").replace("HMAC-SHA256", "ECDSA-P256-SHA256"),
        ),
      "400 IncompleteSignatureException",
    ],
    [
      "when the header lacks its parts",
      (request) => withHeader(request, "authorization", "AWS4-HMAC-SHA256 Credential=bogus"),
      "400 IncompleteSignatureException",
    ],
    [
      "when the signature is no SHA-256",
      (request) =>
        withHeader(
          request,
          "authorization",
          (request.headers["authorization"]?.[0] ?? "").slice(0, -1),
        ),
      "400 IncompleteSignatureException",
    ],
    [
      "when it has no date",
      (request) => withHeader(request, "x-amz-date"),
      "400 IncompleteSignatureException",
    ],
    [
      "when its date is none",
      (request) => withHeader(request, "x-amz-date", "yesterday"),
      "400 IncompleteSignatureException",
    ],
    [
      "when the scope is of another day",
      (request) => withHeader(request, "x-amz-date", "20260305T000000Z"),
      "403 InvalidSignatureException",
    ],
    [
      "when it carries a session token that the credentials do not have",
      (request) => withHeader(request, "x-amz-security-token", "abc"),
      "403 InvalidSignatureException",
    ],
  ])("%s", async (_title, change, expected) => {
    const { verifier } = verifierOf(permanent);
    expect(outcome(verifier, change(await sign()))).toBe(expected);
  });

  it.each<[string, SigningOptions, string]>([
    [
      "a wrong secret",
      { credentials: { ...permanent, secretAccessKey: "battery" } },
      "403 InvalidSignatureException",
    ],
    [
      "an unknown key",
      { credentials: { ...permanent, accessKeyId: "AKIDOTHER" } },
      "403 UnrecognizedClientException",
    ],
    [
      "a token, signed, of credentials without",
      { credentials: { ...permanent, sessionToken: "abc" } },
      "403 UnrecognizedClientException",
    ],
    ["another region", { region: "eu-west-1" }, "403 InvalidSignatureException"],
    ["another service", { service: "sns" }, "403 InvalidSignatureException"],
    ["an unsigned host", { unsigned: ["host"] }, "403 InvalidSignatureException"],
    ["an unsigned target", { unsigned: ["x-amz-target"] }, "403 InvalidSignatureException"],
  ])("signed with %s", async (_title, options, expected) => {
    const { verifier } = verifierOf(permanent);
    expect(outcome(verifier, await sign(options))).toBe(expected);
  });
});

describe("the clock that was given", () => {
  it("bounds how old and how early a request may be, to 15 minutes", async () => {
    const { verifier } = verifierOf(permanent);
    expect(outcome(verifier, await sign({ atMs: epochMs - windowMs }))).toBe("verified");
    expect(outcome(verifier, await sign({ atMs: epochMs + windowMs }))).toBe("verified");
    const earlier = await sign({ atMs: epochMs - windowMs - 1000 });
    expect(() => verifier.verify(earlier, "SendMessage")).toThrow(
      "InvalidSignatureException: Signature expired: 20260304T045106Z is now earlier than " +
        "20260304T045107Z (20260304T050607Z - 15 min.)",
    );
    const later = await sign({ atMs: epochMs + windowMs + 1000 });
    expect(() => verifier.verify(later, "SendMessage")).toThrow(
      "InvalidSignatureException: Signature not yet current: 20260304T052108Z is still later than " +
        "20260304T052107Z (20260304T050607Z + 15 min.)",
    );
  });

  it("ends credentials at their moment", async () => {
    const session = { ...permanent, sessionToken: "session", expiresAt: epochMs + 60_000 };
    const { verifier, clock } = verifierOf(session);
    const request = await sign({ credentials: session });
    await clock.advance(59_999);
    expect(outcome(verifier, request)).toBe("verified");
    await clock.advance(1);
    expect(outcome(verifier, request)).toBe("403 ExpiredTokenException");
  });

  it("brings new days, each with its own signing key", async () => {
    const { verifier, clock } = verifierOf(permanent);
    for (let day = 0; day < 3; day += 1) {
      const today = await sign({ atMs: clock.now() });
      expect(outcome(verifier, today)).toBe("verified");
      await clock.advance(86_400_000);
    }
  });
});

it("asks for the token of temporary credentials", async () => {
  const session = { ...permanent, sessionToken: "session" };
  const { verifier } = verifierOf(session);
  expect(outcome(verifier, await sign())).toBe("403 UnrecognizedClientException");
  const other = { ...session, sessionToken: "of yesterday" };
  expect(outcome(verifier, await sign({ credentials: other }))).toBe(
    "403 UnrecognizedClientException",
  );
  expect(outcome(verifier, await sign({ credentials: session }))).toBe("verified");
});

it("puts neither secret nor token nor signature into its errors", async () => {
  const session = { ...permanent, sessionToken: "my session token", expiresAt: epochMs };
  const { verifier } = verifierOf(session);
  const requests = [
    await sign({ credentials: session }),
    await sign({ credentials: { ...session, secretAccessKey: "wrong" } }),
    await sign({ credentials: { ...session, sessionToken: "wrong token" } }),
    await sign({ credentials: { ...session, accessKeyId: "OTHER" } }),
  ];
  for (const request of requests) {
    const error = refusal(verifier, request);
    expect(error).toMatchObject({ operation: "SendMessage", senderFault: true });
    expect(JSON.stringify([String(error), error])).not.toMatch(
      /correct horse|my session token|wrong|[0-9a-f]{64}/,
    );
  }
});

it("refuses credentials that cannot work", () => {
  for (const credentials of [
    [{ ...permanent, accessKeyId: "" }],
    [{ ...permanent, accessKeyId: "a/b" }],
    [{ ...permanent, secretAccessKey: "" }],
    [permanent, { ...permanent, secretAccessKey: "another" }],
  ]) {
    let thrown: unknown;
    try {
      verifierOf(...credentials);
    } catch (error) {
      thrown = error;
    }
    expect(MillraceError.is(thrown)).toBe(true);
    expect(thrown).toMatchObject({ code: "INVALID_OPTION" });
  }
});
