/**
 * Owns the process of a peer, which the suite forks: it starts the peer, waits for the end of its warm-up, and
 * reads its own CPU time and memory. It never outlives the suite.
 */
import { setTimeout } from "node:timers/promises";
import { makeWork } from "../work/work.ts";
import type { Work } from "../work/handler.ts";
import type { Assignment, PeerReading, PeerSaid, Span } from "./assignment.ts";
import { Meter } from "./meter.ts";
import { starters } from "./starters.ts";

/** The process when the warm-up was over. */
interface Beginning {
  readonly messages: number;
  readonly atMs: number;
  readonly cpuUs: number;
}

const bytesPerKilobyte = 1_024;
/** How often the CPU time is looked at while an amount of it is waited for. */
const cpuTickMs = 10;

function tell(said: PeerSaid): void {
  process.send?.(said);
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Peers are measured from when it is made. */
class Measurement {
  readonly #meter: Meter;
  readonly #work: Work;
  readonly #beginning: Beginning;
  /** CPU time that the readings themselves took. */
  #readingUs = 0;

  constructor(meter: Meter, work: Work) {
    this.#meter = meter;
    this.#work = work;
    this.#beginning = { messages: meter.messages, atMs: performance.now(), cpuUs: cpuUs() };
  }

  read(): PeerReading {
    const nowUs = cpuUs();
    const wallMs = performance.now() - this.#beginning.atMs;
    const messages = this.#meter.messages - this.#beginning.messages;
    const usedUs = nowUs - this.#beginning.cpuUs - this.#readingUs;
    const peakRssBytes = process.resourceUsage().maxRSS * bytesPerKilobyte;
    const heapBytes = heapInUse();
    this.#readingUs += cpuUs() - nowUs;
    const work = this.#work.metrics?.() ?? {};
    return { messages, wallMs, cpuUs: usedUs, peakRssBytes, heapBytes, work };
  }

  /** Waits until so much has been done or has passed since the beginning. */
  async until(span: Span): Promise<void> {
    if ("messages" in span) {
      await this.#meter.whenCounted(this.#beginning.messages + span.messages);
    } else if ("ms" in span) {
      await setTimeout(span.ms - (performance.now() - this.#beginning.atMs));
    } else {
      const endUs = this.#beginning.cpuUs + span.cpuMs * 1_000;
      while (cpuUs() < endUs) await setTimeout(cpuTickMs);
    }
  }
}

/** Undefined unless the collector can be called. */
function heapInUse(): number | undefined {
  if (globalThis.gc === undefined) return undefined;
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

async function run(assignment: Assignment): Promise<void> {
  const { peer, origin, queueUrls, slots, loops, batchSize, warmUp, measure = [] } = assignment;
  const meter = new Meter();
  const work = await makeWork(assignment.work, meter);
  const start = await starters[peer]();
  await start({
    origin,
    queueUrls,
    slots,
    loops,
    batchSize,
    handle: work.handle,
    handleBatch: work.handleBatch,
    work: assignment.work,
    onDone: (messages) => meter.count(messages),
  });
  tell({ said: "ready" });
  // Of messages the first count as well, which some peers are handed before they say that they have started.
  if ("messages" in warmUp) await meter.whenCounted(warmUp.messages);
  else await new Measurement(meter, work).until(warmUp);
  tell({ said: "begin" });
  const measurement = new Measurement(meter, work);
  for (const span of [measure].flat()) {
    await measurement.until(span);
    tell({ said: "reading", reading: measurement.read() });
  }
}

process.once("disconnect", () => process.exit());
const assignment: Assignment = JSON.parse(process.argv[2] ?? "");
await run(assignment);
