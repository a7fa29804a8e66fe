/**
 * Owns case 5: handlers that compute, and what becomes of the leases while they do. It never waits for I/O.
 */
import type { PeerName } from "../peers/catalogue.ts";
import { roundsFor } from "../work/hash.ts";
import type { Case, Job, Pace } from "./case.ts";
import { measured } from "./figures.ts";

const handlerMs = 20;
/** Twice the threads: the next message of each is in hand while it computes. */
export const slots = 4;
const visibilitySeconds = 1;
/** For how many visibility timeouts a handler blocks in the second part. */
const timeouts = 3;

const peers: readonly PeerName[] = ["millrace", "millrace-threads"];

export const cpuBound: Case = {
  title: "CPU-bound handler",
  how: `${handlerMs} ms of PBKDF2 a message, the same number of rounds for all, ${slots} handlers at once. And leases: a visibility timeout of ${visibilitySeconds} s, and handlers that block for ${visibilitySeconds * timeouts} s each; messages that were held for longer than the timeout, and those of them whose lease ran out at the endpoint. Where fewer were held than there are handlers, nothing has been shown, and there is no verdict. Only Millrace's two are here, since the question is what its threads bring over its own process: the others have none, and what computes in their process holds up their loop as it does Millrace's.`,
  metrics: ["rate", "cpuUs", "outlasted", "leasesLost"],
  jobs: (pace) => peers.flatMap((peer) => [throughput(peer, pace), leases(peer, pace)]),
};

let calibrated: number | undefined;

/** Measured once, so that all peers compute the same. */
function roundsOf20Ms(): number {
  calibrated ??= roundsFor(handlerMs);
  return calibrated;
}

function throughput(peer: PeerName, { quick, hurry }: Pace): Job {
  const warmUp = { ms: (quick ? 500 : 1_000) / hurry };
  const measure = { ms: (quick ? 1_000 : 4_000) / hurry };
  return {
    peers: [peer],
    seconds: 0.5 + (warmUp.ms + measure.ms) / 1_000,
    run: async (bench) => {
      const work = { kind: "hash", rounds: roundsOf20Ms() } as const;
      const observations = await bench.observe({ peer, slots, work, warmUp, measure });
      return observations.map((observation) => measured(peer, observation));
    },
  };
}

function leases(peer: PeerName, { quick, hurry }: Pace): Job {
  const blockMs = (visibilitySeconds * timeouts * 1_000) / hurry;
  // One round of handlers is enough to lose a lease in; a second shows what becomes of those that waited.
  const windowMs = (quick ? 1 : 2) * blockMs + 500;
  return {
    peers: [peer],
    seconds: windowMs / 1_000 + 1.8,
    firstRounds: 1,
    run: async (bench) => {
      const rounds = Math.round((roundsOf20Ms() * blockMs) / handlerMs);
      const task = {
        peer,
        slots,
        queue: { messages: "deep", visibilitySeconds, trackLeases: true },
        work: { kind: "hash", rounds },
      } as const;
      const { outlasted, leasesLost, cpuShare } = await bench.observeFromStart(task, windowMs);
      return [{ peer, metrics: { outlasted, leasesLost }, endpointShare: cpuShare }];
    },
  };
}
