/**
 * Owns how figures follow from an observation. It never observes.
 */
import type { Observation } from "../bench.ts";
import type { PeerName } from "../peers/catalogue.ts";
import type { Measured, Metrics, Point } from "../results.ts";

const bytesPerMegabyte = 1_048_576;

/** What every observation says; a case names those that it shows. */
export function figuresOf({ peer, endpoint }: Observation): Metrics {
  const settled = endpoint.deleted + endpoint.sent;
  return {
    cpuUs: peer.cpuUs / peer.messages,
    // Both are the endpoint's, taken at one moment.
    ...(settled > 0 && { requests: endpoint.requests / settled }),
    rate: (peer.messages * 1_000) / peer.wallMs,
    peakRssMb: peer.peakRssBytes / bytesPerMegabyte,
    ...(peer.heapBytes !== undefined && { heapMb: peer.heapBytes / bytesPerMegabyte }),
  };
}

/** An observation as a case answers it. */
export function measured(
  peer: PeerName,
  observation: Observation,
  more: Metrics = {},
  point?: Point,
): Measured {
  return {
    peer,
    ...(point !== undefined && { point }),
    metrics: { ...figuresOf(observation), ...more },
    endpointShare: observation.endpoint.cpuShare,
  };
}
