import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { databasePool } from "../src/database.ts";

/** A message of Postgres's protocol. */
function said(type: string, body: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + body.length);
  return Buffer.concat([Buffer.from(type), length, Buffer.from(body)]);
}

/** A Postgres that goes down at each connection: all that it says arrives together. Answers its URL. */
async function dyingPostgres(): Promise<string> {
  const authenticated = said("R", "\0\0\0\0");
  const ready = said("Z", "I");
  const down = said("E", "SFATAL\0C57P01\0Mterminating connection\0\0");
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(Buffer.concat([authenticated, ready, down])));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it does not listen");
  return `postgres://someone@127.0.0.1:${address.port}/somewhere`;
}

it("lends connections whose end is only the next statement's, although it came with their beginning", async () => {
  await using pool = databasePool(await dyingPostgres(), { max: 1, applicationName: "tests" });
  const client = await pool.connect();
  await expect(client.query("SELECT")).rejects.toThrow(/connection/);
  client.release(true);
});
