/**
 * Owns the web server's place to listen, and what is said when it is not to be had. It never chooses another.
 */
import type { FastifyInstance } from "fastify";
import { RunFailedError } from "programs";

const host = "127.0.0.1";

/**
 * Listens for this machine alone.
 *
 * @returns its address.
 * @throws RunFailedError when the port is taken, or may not be used.
 */
export async function listen(app: FastifyInstance, port: number): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const text =
      code === "EADDRINUSE"
        ? `port ${port} of ${host} is taken; --port names another, or 0 for any that is free`
        : `cannot listen on port ${port} of ${host}: ${String(code ?? error)}`;
    throw new RunFailedError(text, { cause: error });
  }
}
