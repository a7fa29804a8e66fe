/**
 * Owns what may be shown of texts and errors that come from elsewhere. It never sees an error of ours:
 * those are built from parts that are safe to show.
 */

/** Longest text of a foreign error that is worth showing, in characters. */
const maxLength = 1_000;

/**
 * A foreign text without secrets. AWS's answer to a wrong signature repeats the signed headers, and with
 * them the session token.
 */
export function publicText(text: string, secrets: readonly (string | undefined)[] = []): string {
  let shown = text;
  // No \s* before it: over a text of nothing but spaces that takes the square of its length.
  const canonical = shown.search(/The Canonical String for this request/i);
  if (canonical !== -1) shown = shown.slice(0, canonical).trimEnd();
  for (const secret of secrets) {
    if (secret !== undefined && secret !== "") shown = shown.replaceAll(secret, "(not shown)");
  }
  shown = shown.replaceAll(/Signature=[0-9a-f]{16,}/gi, "Signature=(not shown)");
  return shown.length > maxLength ? `${shown.slice(0, maxLength)}…` : shown;
}

/**
 * A copy of a foreign error with its name, code and text. Errors of HTTP clients and credential providers
 * can carry sockets, requests and answers; none of that is kept.
 */
export function publicCause(thrown: unknown, depth = 0): Error & { readonly code?: string } {
  try {
    if (!(thrown instanceof Error)) return new Error(`a ${typeof thrown} was thrown`);
    const code = codeOf(thrown);
    const text = thrown.message === "" ? (code ?? thrown.name) : thrown.message;
    const inner = depth < 2 && thrown.cause instanceof Error ? thrown.cause : undefined;
    const copy = new Error(
      publicText(text),
      inner === undefined ? {} : { cause: publicCause(inner, depth + 1) },
    );
    copy.name = thrown.name;
    return code === undefined ? copy : Object.assign(copy, { code });
  } catch {
    return new Error("an error that cannot be shown");
  }
}

/** An error's code, as Node's and undici's errors have one: ECONNREFUSED, UND_ERR_SOCKET. */
export function codeOf(error: Error): string | undefined {
  return "code" in error && typeof error.code === "string" ? error.code : undefined;
}
