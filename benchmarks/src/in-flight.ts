/**
 * Owns the answer to one question: does the local SQS get slower with what is in flight? It never
 * leaves the process: no HTTP, no disk.
 *
 * Messages are received and deleted in batches of ten, at two depths of what is in flight. What counts
 * is CPU time, garbage collection included, since others may want the machine as well; rounds at the two
 * depths take turns, and of each depth the median is taken.
 */
import { cpuUsage, exit, stderr, stdout } from "node:process";
import { parseArgs } from "node:util";
import { SqsService } from "@millrace/local-sqs";

const help = `Receives and deletes batches of ten from the local SQS, in process, with few and with many
messages in flight, and prints the CPU time of a batch.

  node benchmarks/dist/in-flight.js [options]

  --few <n>       in flight at the lower depth   (100)
  --many <n>      in flight at the higher depth  (100000)
  --rounds <n>    rounds at each depth           (15)
  --batches <n>   batches in a round             (500)
  --json          print JSON
  --help          print this
`;

/** Which messages are deleted: those just received, or those that have been in flight for longest. */
type Pattern = "newest" | "oldest";

interface Result {
  readonly pattern: Pattern;
  /** CPU time of receiving ten and deleting ten, µs. */
  readonly fewUs: number;
  readonly manyUs: number;
  readonly ratio: number;
}

interface Settings {
  readonly few: number;
  readonly many: number;
  readonly rounds: number;
  readonly batches: number;
}

/** A queue with a number of messages in flight, which stays the same from round to round. */
class Depth {
  readonly #service: SqsService;
  readonly #url: string;
  /** Handles of what is in flight, oldest first from `#oldest` on. */
  readonly #handles: string[] = [];
  #oldest = 0;

  private constructor(service: SqsService, url: string) {
    this.#service = service;
    this.#url = url;
  }

  static async open(inFlight: number): Promise<Depth> {
    const service = new SqsService();
    const { QueueUrl: url = "" } = await service.call("CreateQueue", {
      QueueName: "in-flight",
      Attributes: { VisibilityTimeout: "43200" },
    });
    const depth = new Depth(service, url);
    for (let sent = 0; sent < inFlight; sent += 10) {
      await depth.#send();
      depth.#handles.push(...(await depth.#receive()));
    }
    return depth;
  }

  /** @returns the CPU time of a batch, µs. */
  async round(pattern: Pattern, batches: number): Promise<number> {
    for (let batch = 0; batch < batches; batch += 1) await this.#send();
    const before = cpuUsage();
    for (let batch = 0; batch < batches; batch += 1) {
      const received = await this.#receive();
      await this.#delete(pattern === "newest" ? received : this.#exchange(received));
    }
    const { user, system } = cpuUsage(before);
    this.#handles.splice(0, this.#oldest);
    this.#oldest = 0;
    return (user + system) / batches;
  }

  close(): void {
    this.#service.close();
  }

  /** Puts new handles in, and takes the oldest out. */
  #exchange(received: readonly string[]): readonly string[] {
    this.#handles.push(...received);
    const oldest = this.#handles.slice(this.#oldest, this.#oldest + received.length);
    this.#oldest += received.length;
    return oldest;
  }

  async #send(): Promise<void> {
    await this.#service.call("SendMessageBatch", {
      QueueUrl: this.#url,
      Entries: Array.from({ length: 10 }, (_, index) => ({
        Id: String(index),
        MessageBody: `{"seat":"A${index}"}`,
      })),
    });
  }

  async #receive(): Promise<string[]> {
    const { Messages: messages = [] } = await this.#service.call("ReceiveMessage", {
      QueueUrl: this.#url,
      MaxNumberOfMessages: 10,
    });
    return messages.map(({ ReceiptHandle: handle = "" }) => handle);
  }

  async #delete(handles: readonly string[]): Promise<void> {
    await this.#service.call("DeleteMessageBatch", {
      QueueUrl: this.#url,
      Entries: handles.map((handle, index) => ({ Id: String(index), ReceiptHandle: handle })),
    });
  }
}

async function measure(pattern: Pattern, settings: Settings): Promise<Result> {
  const { rounds, batches } = settings;
  const few = await Depth.open(settings.few);
  const many = await Depth.open(settings.many);
  const fewUs: number[] = [];
  const manyUs: number[] = [];
  // The first rounds are for the compiler.
  for (let round = -2; round < rounds; round += 1) {
    const takesFirst = round % 2 === 0;
    const first = await (takesFirst ? few : many).round(pattern, batches);
    const second = await (takesFirst ? many : few).round(pattern, batches);
    if (round < 0) continue;
    fewUs.push(takesFirst ? first : second);
    manyUs.push(takesFirst ? second : first);
  }
  few.close();
  many.close();
  const medians = { fewUs: median(fewUs), manyUs: median(manyUs) };
  return { pattern, ...medians, ratio: medians.manyUs / medians.fewUs };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function table(results: readonly Result[], { few, many }: Settings): string {
  const rows = [
    ["deleted", `${few} in flight`, `${many} in flight`, "ratio"],
    ...results.map(({ pattern, fewUs, manyUs, ratio }) => [
      pattern,
      `${fewUs.toFixed(1)} µs`,
      `${manyUs.toFixed(1)} µs`,
      ratio.toFixed(2),
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  "),
  );
  return `CPU time of receiving ten messages and deleting ten:\n\n${lines.join("\n")}\n`;
}

/** @throws Error with one line for the user */
function readSettings(): { settings: Settings; json: boolean } | undefined {
  const { values } = parseArgs({
    options: {
      few: { type: "string", default: "100" },
      many: { type: "string", default: "100000" },
      rounds: { type: "string", default: "15" },
      batches: { type: "string", default: "500" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const count = (name: "few" | "many" | "rounds" | "batches"): number => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value > 0) return value;
    throw new Error(`--${name} must be a positive integer; received ${values[name]}`);
  };
  const settings = {
    few: count("few"),
    many: count("many"),
    rounds: count("rounds"),
    batches: count("batches"),
  };
  return { settings, json: values.json };
}

try {
  const read = readSettings();
  if (read === undefined) {
    stdout.write(help);
  } else {
    const { settings, json } = read;
    const results = [await measure("newest", settings), await measure("oldest", settings)];
    stdout.write(json ? `${JSON.stringify({ ...settings, results })}\n` : table(results, settings));
  }
} catch (error) {
  stderr.write(`${error instanceof Error ? error.message.split("\n")[0] : String(error)}\n`);
  exit(2);
}
