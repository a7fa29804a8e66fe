import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { describe, expect, it } from "vitest";
import { seededRandom } from "millrace/testing";
import { canonicalPath, contentType, Signer } from "../../src/sqs/signer.ts";
import type { AwsCredentials } from "../../src/sqs/credentials.ts";

type Data = string | ArrayBuffer | ArrayBufferView;

/** SHA-256 and HMAC as the SDK's signer wants them. */
class Sha256 {
  readonly #hash;

  constructor(secret?: Data) {
    this.#hash =
      secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(secret));
  }

  update(data: Data): void {
    this.#hash.update(bytesOf(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {}
}

function bytesOf(data: Data): Buffer {
  if (typeof data === "string") return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from(data);
}

interface Sample {
  readonly url: URL;
  readonly target: string;
  readonly body: Buffer;
  readonly region: string;
  readonly nowMs: number;
  readonly credentials: AwsCredentials;
}

async function signedBySdk(sample: Sample): Promise<Record<string, string>> {
  const { url, target, body, region, nowMs, credentials } = sample;
  const signer = new SignatureV4({
    service: "sqs",
    region,
    credentials: {
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey,
      ...(credentials.sessionToken !== undefined && { sessionToken: credentials.sessionToken }),
    },
    sha256: Sha256,
    applyChecksum: false,
  });
  const request = {
    method: "POST",
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: {},
    headers: {
      host: url.host,
      "content-type": contentType,
      "x-amz-target": target,
      "x-amzn-query-mode": "true",
    },
    body,
  };
  const { headers } = await signer.sign(request, { signingDate: new Date(nowMs) });
  return headers;
}

function signedByUs(signer: Signer, sample: Sample): Record<string, string> {
  const { url, target, body, region, nowMs, credentials } = sample;
  const path = canonicalPath(url.pathname);
  const flat = signer.sign(
    { host: url.host, canonicalPath: path, target, body, region, nowMs },
    credentials,
  );
  const headers: Record<string, string> = {};
  for (let i = 0; i < flat.length; i += 2) headers[flat[i] ?? ""] = flat[i + 1] ?? "";
  return headers;
}

const tokenCharacters = "a b c X Y Z 0 1 9 + / = _ -".split(" ");
const bodyCharacters = ["{", "}", '"', ":", "é", "😀", "\n", " "];
const regions = ["us-east-1", "eu-west-1", "ap-northeast-2", "cn-north-1", "us-gov-west-1"];
const hosts = ["sqs.eu-west-1.amazonaws.com", "localhost:9324", "[::1]:4566", "127.0.0.1:80"];
const paths = ["", "/", "/a/b", "/a//b/", "/queue name/ä/%2F", "/~x/(1)'!*", "/@:&=+$,;"];

describe("Signer", () => {
  it(
    "signs as AWS's own signer does, over thousands of requests",
    { timeout: 30_000 },
    async () => {
      const random = seededRandom(7);
      const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
      const token = (length: number): string =>
        Array.from({ length }, () => pick(tokenCharacters)).join("");
      const signer = new Signer();
      const identities = Array.from({ length: 5 }, (_, index): AwsCredentials => ({
        accessKeyId: `AKIA${token(16)}`,
        secretAccessKey: token(40),
        sessionToken: index % 2 === 0 ? undefined : token(300),
      }));
      for (let round = 0; round < 2_000; round++) {
        const sample: Sample = {
          url: new URL(`http://${pick(hosts)}${pick(paths)}`),
          target: `AmazonSQS.${pick(["ReceiveMessage", "DeleteMessageBatch", "SendMessage"])}`,
          body: Buffer.from(
            Array.from({ length: Math.floor(random() * 200) }, () => pick(bodyCharacters)).join(""),
          ),
          region: pick(regions),
          nowMs: Math.floor(random() * 4e12),
          credentials: pick(identities),
        };
        const ours = signedByUs(signer, sample);
        const theirs = await signedBySdk(sample);
        expect(ours["authorization"]).toBe(theirs["authorization"]);
        expect(ours["x-amz-date"]).toBe(theirs["x-amz-date"]);
        expect(ours["x-amz-security-token"]).toBe(theirs["x-amz-security-token"]);
      }
    },
  );

  it("changes its key with the day, the region and the credentials", () => {
    const signer = new Signer();
    const sample: Sample = {
      url: new URL("http://localhost"),
      target: "AmazonSQS.ListQueues",
      body: Buffer.from("{}"),
      region: "eu-west-1",
      nowMs: Date.UTC(2026, 0, 31, 23, 59, 59),
      credentials: { accessKeyId: "A", secretAccessKey: "one" },
    };
    const signatures = [
      sample,
      { ...sample, nowMs: sample.nowMs + 1_000 },
      { ...sample, region: "eu-west-2" },
      { ...sample, credentials: { accessKeyId: "A", secretAccessKey: "two" } },
    ].map((each) => signedByUs(signer, each)["authorization"]);
    expect(new Set(signatures).size).toBe(4);
    expect(signedByUs(signer, sample)["authorization"]).toBe(signatures[0]);
  });
});
