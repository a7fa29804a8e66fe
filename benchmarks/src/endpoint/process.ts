/**
 * Owns the process of the counting endpoint, which the suite forks: its server, its queues, and its answers to
 * the suite. It never outlives the suite.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { seededRandom } from "millrace/testing";
import { FakeQueue } from "./fake-queue.ts";
import type { EndpointReading, Question, Reply } from "./protocol.ts";

import { sqsFront } from "./sqs-front.ts";

const queues = new Map<string, FakeQueue>();
const server = createServer({ noDelay: true, keepAliveTimeout: 600_000 }, sqsFront(queues));

function tell(reply: Reply): void {
  process.send?.(reply);
}

function read(urls: readonly string[]): EndpointReading {
  const { user, system } = process.cpuUsage();
  const counts = urls.flatMap((url) => {
    const queue = queues.get(url);
    return queue === undefined ? [] : [[url, queue.counts()] as const];
  });
  return {
    atMs: performance.now(),
    cpuUs: user + system,
    queues: Object.fromEntries(counts),
  };
}

process.once("disconnect", () => process.exit());
process.on("message", (question: Question) => {
  const { id } = question;
  switch (question.ask) {
    case "open": {
      const urls = question.queues.map((options) => {
        const url = `${origin}/000000000000/${options.name}`;
        // The same seed for each: all peers get the same arrivals.
        queues.set(url, new FakeQueue(options, seededRandom(1)));
        return url;
      });
      tell({ reply: "opened", id, urls });
      break;
    }
    case "read":
      tell({ reply: "reading", id, reading: read(question.urls) });
      break;
    case "close":
      for (const url of question.urls) {
        queues.get(url)?.close();
        queues.delete(url);
      }
      tell({ reply: "closed", id });
  }
});

let origin = "";
server.listen(0, "127.0.0.1", () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- that of a TCP server which listens
  const { port } = server.address() as AddressInfo;
  origin = `http://127.0.0.1:${port}`;
  tell({ reply: "listening", origin });
});
