/**
 * Owns the verification of Signature Version 4: who sent a request, and whether it is the one that was
 * signed. It never signs, never answers, and puts no secret into what it throws.
 *
 * Names and statuses of the errors are those that SQS itself gives over AWS JSON 1.0, where they differ
 * from docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html.
 */
import { createHmac, hash, timingSafeEqual } from "node:crypto";
import { OptionError, SqsServiceError } from "millrace";
import type { Clock } from "millrace";
import { canonicalRequest } from "./canonical-request.ts";
import type { SignedRequest } from "./canonical-request.ts";

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
