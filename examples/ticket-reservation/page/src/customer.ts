/**
 * Owns who looks at the page: a name made up at the first visit, and kept by the browser. It stands for a login,
 * and never for security.
 */

const key = "customer";

/** The name kept, or a new one. */
export function keptCustomer(): string {
  const name = newName("guest");
  try {
    const kept = localStorage.getItem(key);
    if (kept !== null && /^guest-[0-9a-f]{8}$/.test(kept)) return kept;
    localStorage.setItem(key, name);
  } catch {
    // The browser keeps nothing: a new one each time.
  }
  return name;
}

/** A name that nobody else has. */
export function newName(kind: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(4));
  return `${kind}-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
