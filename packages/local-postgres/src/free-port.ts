/**
 * Owns the look for a free port on loopback. It never holds one: between the look and the use somebody
 * else may take it, so the caller has to be ready for that.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { PortTakenError } from "./errors.ts";

/**
 * A port of 127.0.0.1 that is free now.
 *
 * @param wanted 0 for any.
 * @throws PortTakenError when `wanted` is not free.
 */
export async function freePort(wanted: number): Promise<number> {
  const server = createServer();
  try {
    server.listen(wanted, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : wanted;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
      throw new PortTakenError(wanted, { cause: error });
    }
    throw error;
  } finally {
    await new Promise((resolve) => {
      server.close(resolve);
    });
  }
}
