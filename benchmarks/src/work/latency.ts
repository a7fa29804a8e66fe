/**
 * Owns the handler that measures how long messages are on their way. It does nothing else with them.
 */
import type { Meter } from "../peers/meter.ts";
import { quantile } from "../statistics.ts";
import { done, eachOf } from "./handler.ts";
import type { Work } from "./handler.ts";

const nsPerMs = 1e6;

export function latency(meter: Meter): Work {
  let latenciesMs: number[] = [];
  const handle = (body: string): Promise<void> => {
    // The machine's monotonic clock, which the endpoint reads as well.
    const nowNs = process.hrtime.bigint();
    const { sentNs }: { sentNs: string } = JSON.parse(body);
    latenciesMs.push(Number(nowNs - BigInt(sentNs)) / nsPerMs);
    meter.count(1);
    return done;
  };
  return {
    handle,
    handleBatch: eachOf(handle),
    begin: () => {
      latenciesMs = [];
    },
    metrics: () => ({ p50Ms: quantile(latenciesMs, 0.5), p99Ms: quantile(latenciesMs, 0.99) }),
  };
}
