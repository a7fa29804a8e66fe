/**
 * Owns AWS Signature Version 4 for the one kind of request that SQS takes: POST, JSON, a fixed list of
 * headers. It never sends anything, and never keeps a secret longer than its credentials live.
 *
 * Rules: "AWS Signature Version 4 for API requests" in the IAM User Guide
 * (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html).
 */
import { createHmac, hash } from "node:crypto";
import type { AwsCredentials } from "./credentials.ts";

/** What is signed of a request. */
export interface SignedParts {
  /** Host and port, as in the Host header. */
  readonly host: string;
  /** The path as canonical URI: {@link canonicalPath}. */
  readonly canonicalPath: string;
  /** Value of the X-Amz-Target header. */
  readonly target: string;
  readonly body: Uint8Array;
  readonly region: string;
  /** When, in ms since the epoch. */
  readonly nowMs: number;
}

export const contentType = "application/x-amz-json-1.0";

const algorithm = "AWS4-HMAC-SHA256";
const signed = "content-type;host;x-amz-date;x-amz-target;x-amzn-query-mode";
const signedWithToken =
  "content-type;host;x-amz-date;x-amz-security-token;x-amz-target;x-amzn-query-mode";

/** Days and regions one client signs for at a time; there are two days around midnight. */
const maxKeys = 16;

/** Signs requests. Each costs two hashes and one HMAC; the four that make a day's key are kept. */
export class Signer {
  /** By the credentials' object, so that keys go when the credentials do; inside by day and region. */
  readonly #keys = new WeakMap<AwsCredentials, Map<string, Buffer>>();
  /** The second that was signed for last, since the epoch, and how SigV4 writes it: many requests share one. */
  #second = NaN;
  #date = "";

  /** The headers of a signed request, in undici's flat form: name, value, name, value. */
  sign(parts: SignedParts, credentials: AwsCredentials): string[] {
    const { host, target, region } = parts;
    const token = credentials.sessionToken;
    const date = this.#dateAt(parts.nowMs);
    const day = date.slice(0, 8);
    const names = token === undefined ? signed : signedWithToken;
    const tokenLine = token === undefined ? "" : `x-amz-security-token:${token}\n`;
    const canonical = `POST
${parts.canonicalPath}

content-type:${contentType}
host:${host}
x-amz-date:${date}
${tokenLine}x-amz-target:${target}
x-amzn-query-mode:true

${names}
${hash("sha256", parts.body, "hex")}`;
    const scope = `${day}/${region}/sqs/aws4_request`;
    const signature = createHmac("sha256", this.#key(credentials, day, region))
      .update(`${algorithm}\n${date}\n${scope}\n${hash("sha256", canonical, "hex")}`)
      .digest("hex");
    const headers = [
      "content-type",
      contentType,
      "x-amz-date",
      date,
      "x-amz-target",
      target,
      // Asks for the header x-amzn-query-error, which says whose fault an error is.
      "x-amzn-query-mode",
      "true",
      "user-agent",
      "millrace",
      "authorization",
      `${algorithm} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
    ];
    if (token !== undefined) headers.push("x-amz-security-token", token);
    return headers;
  }

  #dateAt(nowMs: number): string {
    const second = Math.floor(nowMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = amzDate(nowMs);
    }
    return this.#date;
  }

  #key(credentials: AwsCredentials, day: string, region: string): Buffer {
    let keys = this.#keys.get(credentials);
    if (keys === undefined) {
      keys = new Map();
      this.#keys.set(credentials, keys);
    }
    const id = `${day}/${region}`;
    let key = keys.get(id);
    if (key === undefined) {
      if (keys.size >= maxKeys) keys.clear();
      key = [day, region, "sqs", "aws4_request"].reduce<Buffer>(
        (secret, text) => createHmac("sha256", secret).update(text).digest(),
        Buffer.from(`AWS4${credentials.secretAccessKey}`),
      );
      keys.set(id, key);
    }
    return key;
  }
}

/** A time as SigV4 writes it: 20260131T235959Z. */
function amzDate(ms: number): string {
  const iso = new Date(ms).toISOString();
  return `${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 13)}${iso.slice(14, 16)}${iso.slice(17, 19)}Z`;
}

/** The canonical URI of a path that is already encoded, as URL has it: SigV4 encodes it once more. */
export function canonicalPath(pathname: string): string {
  const segments = pathname.split("/").filter((segment) => segment !== "");
  const encoded = segments.map((segment) =>
    encodeURIComponent(segment).replaceAll(
      /[!'()*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    ),
  );
  const end = segments.length > 0 && pathname.endsWith("/") ? "/" : "";
  return `/${encoded.join("/")}${end}`;
}
