/**
 * Owns the verification of Signature Version 4: who sent a request, and whether it is the one that was
 * signed. It never signs, never answers, and puts no secret into what it throws.
 *
 * The rules are those of docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html;
 * the names and statuses of the errors are those that SQS itself gives over AWS JSON 1.0, where they differ
 * from its page of common errors.
 */
import { createHmac, hash, timingSafeEqual } from "node:crypto";
import { OptionError, SqsServiceError } from "millrace";
import type { Clock } from "millrace";

/** Credentials that a local SQS takes. */
export interface LocalCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Given: the credentials are temporary, and requests must carry this token. */
  readonly sessionToken?: string | undefined;
  /**
   * When they stop being taken, in ms since the epoch, by the service's clock: from then on requests are
   * refused with ExpiredTokenException. Default: never.
   */
  readonly expiresAt?: number | undefined;
}

/** What of a request is signed. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query, as on the request line. */
  readonly target: string;
  /** By lower-case name; several values when a header was sent several times. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** Options of a {@link SignatureVerifier}. */
export interface SignatureVerifierOptions {
  readonly credentials: readonly LocalCredentials[];
  /** The region that signatures must be scoped to. */
  readonly region: string;
  readonly clock: Clock;
}

/** The parts of an `authorization` header. */
interface Authorization {
  readonly accessKeyId: string;
  readonly scopeDate: string;
  readonly scope: string;
  readonly signedHeaders: readonly string[];
  readonly signature: Buffer;
}

/** A known credential, and the key derived from it last: it changes once a day. */
interface Signer {
  readonly credentials: LocalCredentials;
  /** Written by {@link SignatureVerifier} when a request of another day comes. */
  derived: { readonly scopeDate: string; readonly key: Buffer } | undefined;
}

const algorithm = "AWS4-HMAC-SHA256";
const service = "sqs";
const terminator = "aws4_request";
/** How far a request's date may be from the clock, both ways; SQS's own texts name it. */
const windowMinutes = 15;

/** Tells whether requests are signed by one of a set of credentials. */
export class SignatureVerifier {
  readonly #signers = new Map<string, Signer>();
  readonly #region: string;
  readonly #clock: Clock;

  /** @throws OptionError when a credential has no id or secret, or two have one id. */
  constructor(options: SignatureVerifierOptions) {
    this.#region = options.region;
    this.#clock = options.clock;
    for (const credentials of options.credentials) {
      const { accessKeyId, secretAccessKey } = credentials;
      if (accessKeyId === "" || accessKeyId.includes("/") || this.#signers.has(accessKeyId)) {
        throw new OptionError(
          "credentials.accessKeyId",
          "unique, not empty and without /",
          accessKeyId,
        );
      }
      if (secretAccessKey === "") {
        throw new OptionError("credentials.secretAccessKey", "not empty", secretAccessKey);
      }
      this.#signers.set(accessKeyId, { credentials, derived: undefined });
    }
  }

  /**
   * Returns when the request is signed as it should be.
   *
   * @param operation the operation that errors name.
   * @throws SqsServiceError AccessDeniedException (not signed at all), IncompleteSignatureException,
   *   InvalidSignatureException (wrong secret, wrong scope, changed on the way, too old, too new),
   *   UnrecognizedClientException (unknown key or token) or ExpiredTokenException.
   */
  verify(request: SignedRequest, operation: string): void {
    const refuse = (errorName: string, text: string, statusCode = 403): SqsServiceError =>
      new SqsServiceError({ operation, errorName, text, statusCode, senderFault: true });

    const header = single(request.headers, "authorization");
    if (header === undefined || !header.startsWith("AWS4-")) {
      // SQS lets a queue's policy allow anonymous callers, so this one is known and denied.
      throw refuse("AccessDeniedException", "Access to the resource is denied.");
    }
    const requestDate = single(request.headers, "x-amz-date");
    const authorization = parseAuthorization(header);
    if (typeof authorization === "string") {
      throw refuse("IncompleteSignatureException", authorization, 400);
    }
    const requestMs = requestDate === undefined ? undefined : parseDate(requestDate);
    if (requestDate === undefined || requestMs === undefined) {
      const text = "The request needs a header 'X-Amz-Date' of the form 20260101T000000Z.";
      throw refuse("IncompleteSignatureException", text, 400);
    }
    const fault =
      this.#scopeFault(authorization, requestDate) ??
      this.#dateFault(requestDate, requestMs) ??
      headersFault(request, authorization);
    if (fault !== undefined) throw refuse("InvalidSignatureException", fault);

    const signer = this.#signers.get(authorization.accessKeyId);
    const token = single(request.headers, "x-amz-security-token");
    if (signer === undefined || !sameText(token ?? "", signer.credentials.sessionToken ?? "")) {
      const text = "The security token included in the request is invalid.";
      throw refuse("UnrecognizedClientException", text);
    }
    const expected = this.#signature(signer, authorization, requestDate, request);
    if (!timingSafeEqual(expected, authorization.signature)) {
      throw refuse(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your " +
          "AWS Secret Access Key and signing method. Consult the service documentation for details.",
      );
    }
    if (this.#clock.now() >= (signer.credentials.expiresAt ?? Infinity)) {
      const text = "The security token included in the request is expired";
      throw refuse("ExpiredTokenException", text);
    }
  }

  #scopeFault(authorization: Authorization, requestDate: string): string | undefined {
    const { scopeDate, scope } = authorization;
    if (scopeDate !== requestDate.slice(0, 8)) {
      return (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
        `'${scopeDate}' != '${requestDate.slice(0, 8)}', from '${requestDate}'.`
      );
    }
    const [, region, name, end, ...rest] = scope.split("/");
    if (region !== this.#region) {
      return `Credential should be scoped to a valid region, not '${region}', here '${this.#region}'.`;
    }
    if (name !== service) return `Credential should be scoped to correct service: '${service}'.`;
    if (end !== terminator || rest.length > 0) {
      return `Credential should be scoped with a valid terminator: '${terminator}'.`;
    }
    return undefined;
  }

  #dateFault(requestDate: string, requestMs: number): string | undefined {
    const nowMs = this.#clock.now();
    const windowMs = windowMinutes * 60_000;
    const now = formatDate(nowMs);
    if (requestMs < nowMs - windowMs) {
      const earliest = formatDate(nowMs - windowMs);
      return `Signature expired: ${requestDate} is now earlier than ${earliest} (${now} - ${windowMinutes} min.)`;
    }
    if (requestMs > nowMs + windowMs) {
      const latest = formatDate(nowMs + windowMs);
      return `Signature not yet current: ${requestDate} is still later than ${latest} (${now} + ${windowMinutes} min.)`;
    }
    return undefined;
  }

  #signature(
    signer: Signer,
    { scopeDate, scope, signedHeaders }: Authorization,
    requestDate: string,
    request: SignedRequest,
  ): Buffer {
    const canonical = canonicalRequest(request, signedHeaders);
    const toSign = [algorithm, requestDate, scope, hash("sha256", canonical)].join("\n");
    if (signer.derived?.scopeDate !== scopeDate) {
      const key = this.#deriveKey(signer.credentials.secretAccessKey, scopeDate);
      signer.derived = { scopeDate, key };
    }
    return hmac(signer.derived.key, toSign);
  }

  #deriveKey(secretAccessKey: string, scopeDate: string): Buffer {
    const dateKey = hmac(`AWS4${secretAccessKey}`, scopeDate);
    return hmac(hmac(hmac(dateKey, this.#region), service), terminator);
  }
}

/** The header taken apart, or what is wrong with it. */
function parseAuthorization(header: string): Authorization | string {
  const space = header.indexOf(" ");
  const given = space === -1 ? header : header.slice(0, space);
  if (given !== algorithm) return `The algorithm must be ${algorithm}.`;
  const fields = new Map<string, string>();
  for (const part of header.slice(algorithm.length).split(",")) {
    const equals = part.indexOf("=");
    if (equals !== -1) fields.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  const faults: string[] = [];
  const field = (name: string): string => {
    const value = fields.get(name) ?? "";
    if (value === "") faults.push(`Authorization header requires '${name}' parameter.`);
    return value;
  };
  const credential = field("Credential");
  const signature = field("Signature");
  const signedHeaders = field("SignedHeaders");
  const slash = credential.indexOf("/");
  if (credential !== "" && slash === -1) {
    faults.push("Credential must have five elements separated by '/'.");
  }
  if (signature !== "" && !/^[0-9a-f]{64}$/.test(signature)) {
    faults.push("Signature must be 64 hexadecimal digits in lower case.");
  }
  if (faults.length > 0) return faults.join(" ");
  const scope = credential.slice(slash + 1);
  return {
    accessKeyId: credential.slice(0, slash),
    scopeDate: scope.slice(0, Math.max(0, scope.indexOf("/"))),
    scope,
    signedHeaders: signedHeaders.split(";"),
    signature: Buffer.from(signature, "hex"),
  };
}

/** What makes the request be this request must be signed: its host and every header of AWS's own. */
function headersFault(request: SignedRequest, authorization: Authorization): string | undefined {
  const signed = authorization.signedHeaders;
  for (const name of Object.keys(request.headers)) {
    if ((name === "host" || name.startsWith("x-amz-")) && !signed.includes(name)) {
      return `'${name}' must be a 'SignedHeader' in the AWS Authorization.`;
    }
  }
  return undefined;
}

/** In latin1, as node reads headers: the bytes are those that were sent. */
function canonicalRequest(request: SignedRequest, signedHeaders: readonly string[]): Buffer {
  const question = request.target.indexOf("?");
  const path = question === -1 ? request.target : request.target.slice(0, question);
  const query = question === -1 ? "" : request.target.slice(question + 1);
  const headers = signedHeaders.map((name) => {
    const values = (request.headers[name] ?? []).map((value) => value.trim().replace(/\s+/g, " "));
    return `${name}:${values.join(",")}\n`;
  });
  const canonical = [
    request.method,
    canonicalPath(path),
    canonicalQuery(query),
    headers.join(""),
    signedHeaders.join(";"),
    hash("sha256", request.body),
  ].join("\n");
  return Buffer.from(canonical, "latin1");
}

/** Dots resolved, empty segments dropped, and what is encoded on the wire encoded once more. */
function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(encode(segment));
  }
  const end = segments.length > 0 && path.endsWith("/") ? "/" : "";
  return `/${segments.join("/")}${end}`;
}

function canonicalQuery(query: string): string {
  if (query === "") return "";
  const pairs = query.split("&").map((pair) => {
    const [name = "", ...value] = pair.split("=");
    return [recode(name), recode(value.join("="))] as const;
  });
  return pairs
    .toSorted((a, b) => order(a[0], b[0]) || order(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** What is not a valid encoding stands for itself. */
function recode(text: string): string {
  try {
    return encode(decodeURIComponent(text));
  } catch {
    return encode(text);
  }
}

/** RFC 3986: everything but the unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** Takes as long wherever the two differ. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(hash("sha256", a)), Buffer.from(hash("sha256", b)));
}

function single(headers: SignedRequest["headers"], name: string): string | undefined {
  return headers[name]?.[0];
}

function parseDate(date: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function formatDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, "");
}
