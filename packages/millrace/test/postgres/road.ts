/**
 * Owns a way to the database that can be cut and mended, or swallow what goes through it. It never looks at what that is.
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";

export interface Road {
  /** The database's, by this road. */
  readonly url: string;
  /** Ends all connections, and takes no more. */
  readonly cut: () => void;
  readonly mend: () => Promise<void>;
  /** What is swallowed is lost: a connection that is made meanwhile never comes about. */
  readonly swallow: (yes: boolean) => void;
}

/** Opens one that is cut when the test is over. */
export async function openRoad(to: string): Promise<Road> {
  const target = new URL(to);
  const sockets = new Set<Socket>();
  let swallowing = false;
  const server = createServer((socket) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [from, into] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(from);
      from.on("data", (data) => !swallowing && into.write(data));
      from.on("error", () => into.destroy());
      from.on("close", () => {
        sockets.delete(from);
        into.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const cut = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(cut);
  const url = new URL(to);
  url.hostname = "127.0.0.1";
  url.port = `${port}`;
  return {
    url: url.href,
    cut,
    mend: async () => {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    },
    swallow: (yes) => {
      swallowing = yes;
    },
  };
}
