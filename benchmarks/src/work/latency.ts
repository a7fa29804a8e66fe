/**
 * Owns the handler that measures how long messages are on their way. It does nothing else with them.
 */
import type { Meter } from "../peers/meter.ts";
import { quantile } from "../statistics.ts";
import { done, eachOf } from "./handler.ts";
import type { Work } from "./handler.ts";

/** Nothing is done, but written down how long ago the message was sent. */
export interface LatencySpec {
  readonly kind: "latency";
  /** Numbers of the messages that count, both included: the same for all peers. */
  readonly first: number;
  readonly last: number;
}

const nsPerMs = 1e6;

export function latency({ first, last }: LatencySpec, meter: Meter): Work {
  const latenciesMs: number[] = [];
  const handle = (body: string): Promise<void> => {
    // The machine's monotonic clock, which the endpoint reads as well.
    const nowNs = process.hrtime.bigint();
    const { number, sentNs }: { number: number; sentNs: string } = JSON.parse(body);
    if (number >= first && number <= last) {
      latenciesMs.push(Number(nowNs - BigInt(sentNs)) / nsPerMs);
    }
    meter.count(1);
    return done;
  };
  return {
    handle,
    handleBatch: eachOf(handle),
    metrics: () => ({
      p50Ms: quantile(latenciesMs, 0.5),
      p99Ms: quantile(latenciesMs, 0.99),
      counted: latenciesMs.length,
    }),
  };
}
