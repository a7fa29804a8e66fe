/** Owns the requests that tests make of the web server. It never expects anything of the answers. */

export interface Answered {
  readonly status: number;
  readonly type: string | null;
  readonly headers: Headers;
  readonly body: unknown;
}

/** GET, or POST where there is a body: a string is sent as it is, anything else as JSON. */
export async function ask(address: string, path: string, body?: unknown): Promise<Answered> {
  const response = await fetch(
    `${address}${path}`,
    body === undefined
      ? {}
      : {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: typeof body === "string" ? body : JSON.stringify(body),
        },
  );
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    headers: response.headers,
    body: await response.json(),
  };
}
